import type { RunInfo } from "@mayfly/sdk";
import { href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Badge, Status } from "../../parts/badge.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Empty } from "../../parts/panel.tsx";
import { oneLine, printable } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";

const offered = 50;

/**
 * Lets the person choose a run to compare with this one. The list begins with the forks of this run
 * and the run that it was forked from, and then has other runs of the agent.
 */
export function CompareWith(props: { space: Space; run: RunInfo; onClose(): void }) {
  const { space, run, onClose } = props;
  const others = useLoaded(
    () => space.mayfly.runs.list({ agent: run.agent, limit: offered }),
    [run.id],
  );
  const nearness = (other: RunInfo) =>
    Number(other.forkedFrom === run.id || other.id === run.forkedFrom);
  return (
    <Dialog title={`Compare with another run of ${printable(run.agent)}`} onClose={onClose}>
      <Show of={others}>
        {(all) => {
          const found = all
            .filter(({ id }) => id !== run.id)
            .sort((one, other) => nearness(other) - nearness(one));
          if (found.length === 0)
            return (
              <Empty title="There is no other run of this agent.">
                Fork this run from a step, and compare the two.
              </Empty>
            );
          return (
            <ul class="choices">
              {found.map((other) => (
                <li key={other.id}>
                  <a href={href("runs", run.id, "with", other.id)} onClick={onClose}>
                    <Status of={other.status} />
                    {nearness(other) > 0 && (
                      <Badge tone="violet">
                        {other.forkedFrom === run.id ? "its fork" : "its origin"}
                      </Badge>
                    )}
                    <bdi>{oneLine(other.about ?? "goes on from a step", 80)}</bdi>
                    <small class="muted">
                      <Ago at={other.createdAt} />
                    </small>
                  </a>
                </li>
              ))}
            </ul>
          );
        }}
      </Show>
    </Dialog>
  );
}
