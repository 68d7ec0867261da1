import { useEffect, useState } from "preact/hooks";
import { href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Panel } from "../../parts/panel.tsx";
import { plural } from "../../parts/text.ts";
import { duration } from "../../parts/time.tsx";
import { type Check, looks, runChecks, spawning } from "./run-checks.ts";

const marks = { ok: "green", skipped: "gray", warning: "amber", error: "red", running: "gray" };

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
  const all = [...checks, ...spawned];
  return (
    <Panel
      title={verdictOf(all)}
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
      <List of={all} isFull />
      <p class="panel-body muted">
        <code>npx mayfly doctor</code> also checks migrations, policies and settings. It needs the
        secret key.
      </p>
    </Panel>
  );
}

/** What the checks say together. It never says more good than the least good of them. */
function verdictOf(checks: readonly Check[]): string {
  const count = (state: Check["state"]) => checks.filter((check) => check.state === state).length;
  const [failed, warned] = [count("error"), count("warning")];
  if (count("running") > 0) return "Checking";
  if (failed > 0) return `${failed} of ${plural(checks.length, "check")} failed`;
  if (warned > 0)
    return `Everything answers, but ${plural(warned, "check")} found something to look at`;
  return "Everything that was checked works";
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
