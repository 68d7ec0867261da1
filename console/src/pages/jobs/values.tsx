import type { JobError } from "@mayfly/sdk";
import { Copy } from "../../parts/copy.tsx";
import { Json } from "../../parts/json.tsx";
import { Panel } from "../../parts/panel.tsx";
import { printable } from "../../parts/text.ts";
import { hasEnded } from "./job-actions.tsx";

interface Work {
  status: string;
  input: unknown;
  result?: unknown;
  error?: JobError | null | undefined;
}

/** The input of a job or a run, and its result. */
export function Values({ of: { status, input, result, error } }: { of: Work }) {
  return (
    <>
      {error && status !== "succeeded" && (
        <Panel title={hasEnded({ status }) ? "Why it failed" : "The last failure"}>
          <div class="panel-body stack">
            <p class="warning">
              <bdi>{printable(error.message)}</bdi> <code>{error.code}</code>
            </p>
            {error.final && (
              <p class="muted">
                Redriving it would end in the same way. Start a new one with higher limits.
              </p>
            )}
          </div>
        </Panel>
      )}
      {status === "succeeded" && <Value title="Result" of={result} />}
      <Value title="Input" of={input} />
    </>
  );
}

const Value = ({ title, of }: { title: string; of: unknown }) => (
  <Panel title={title} actions={<Copy text={() => JSON.stringify(of)} label="JSON" />}>
    <div class="panel-body">
      <Json value={of ?? null} open={3} />
    </div>
  </Panel>
);
