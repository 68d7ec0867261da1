import { useEffect, useState } from "preact/hooks";
import type { Space } from "../../live/space.ts";
import { Panel } from "../../parts/panel.tsx";
import { duration } from "../../parts/time.tsx";
import { type Check, checksOf } from "./run-checks.ts";

const marks = { ok: "green", warning: "amber", error: "red", running: "gray" };

/** What doctor can check as a person: each part answers, or why not and what to do. */
export function Checks({ space }: { space: Space }) {
  const [checks, setChecks] = useState<Check[]>([]);
  const [round, setRound] = useState(0);
  useEffect(() => {
    let over = false;
    void checksOf(space, (shown) => {
      if (!over) setChecks(shown);
    });
    return () => {
      over = true;
    };
  }, [space, round]);
  return (
    <Panel
      title="Checks"
      hint="mayfly doctor checks more, with the secret key"
      actions={
        <button type="button" class="button small" onClick={() => setRound(round + 1)}>
          Check again
        </button>
      }
    >
      <ul class="checks">
        {checks.map(({ name, state, ms, message, todo }) => (
          <li key={name} class={`tone-${marks[state]}`}>
            <i class="dot" />
            <span>
              <b>{name}</b>
              <span class="sr-only">: {state}</span>
              {message && <small>{message}</small>}
              {todo && <small>{todo}</small>}
            </span>
            {ms !== null && <span class="muted">{duration(ms)}</span>}
          </li>
        ))}
      </ul>
    </Panel>
  );
}
