import { useEffect, useState } from "preact/hooks";
import { href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Panel } from "../../parts/panel.tsx";
import { duration } from "../../parts/time.tsx";
import { type Check, looks, runChecks, spawning } from "./run-checks.ts";

const marks = { ok: "green", warning: "amber", error: "red", running: "gray" };

/** Shows at a glance whether each part answers. */
export function Checks({ space }: { space: Space }) {
  const { checks } = useChecks(space);
  return (
    <Panel
      title="Checks"
      actions={
        <a class="button small" href={href("health", "doctor")}>
          Doctor
        </a>
      }
    >
      <List of={checks} />
    </Panel>
  );
}

/**
 * The checks of `mayfly doctor` that a person can run: whether each part answers, and if not,
 * why and what to do.
 */
export function Doctor({ space }: { space: Space }) {
  const { checks, again } = useChecks(space);
  const [spawned, setSpawned] = useState<Check[]>([]);
  const [busy, setBusy] = useState(false);
  const trySpawning = async () => {
    setBusy(true);
    await runChecks(space, [spawning], setSpawned);
    setBusy(false);
  };
  const bad = [...checks, ...spawned].filter(({ state }) => state === "error").length;
  const open = checks.some(({ state }) => state === "running");
  return (
    <Panel
      title={
        open
          ? "Checking"
          : bad === 0
            ? "Everything that was checked works"
            : `${bad} of ${checks.length + spawned.length} checks failed`
      }
      actions={
        <>
          {space.may("agent:spawn") && (
            <button type="button" class="button small" disabled={busy} onClick={trySpawning}>
              Spawn an agent for a moment
            </button>
          )}
          <button type="button" class="button small" onClick={again}>
            Check again
          </button>
        </>
      }
    >
      <List of={[...checks, ...spawned]} isFull />
      <p class="panel-body muted">
        <code>npx mayfly doctor</code> also checks migrations, policies and settings. It needs the
        secret key.
      </p>
    </Panel>
  );
}

function useChecks(space: Space): { checks: Check[]; again(): void } {
  const [checks, setChecks] = useState<Check[]>([]);
  const [round, setRound] = useState(0);
  useEffect(() => {
    let over = false;
    void runChecks(space, looks, (shown) => {
      if (!over) setChecks(shown);
    });
    return () => {
      over = true;
    };
  }, [space, round]);
  return { checks, again: () => setRound(round + 1) };
}

function List({ of, isFull = false }: { of: readonly Check[]; isFull?: boolean }) {
  return (
    <ul class="checks">
      {of.map(({ name, about, state, ms, message, todo }) => (
        <li key={name} class={`tone-${marks[state]}`}>
          <i class="dot" />
          <span>
            <b>{name}</b>
            <span class="sr-only">: {state}</span>
            {isFull && <small class="muted">{about}</small>}
            {message && <small>{message}</small>}
            {todo && <small>{todo}</small>}
          </span>
          {ms !== null && <span class="muted">{duration(ms)}</span>}
        </li>
      ))}
    </ul>
  );
}
