import { Badge } from "../../parts/badge.tsx";
import { oneLine, plural, printable } from "../../parts/text.ts";

/**
 * What a job's name means: `workflow:<name>:<version>` is a run, `step:<name>:<version>:<step>` a step of a graph, and
 * `run:<agent>` a run of an agent.
 */
export function titleOf(name: string): { title: string; of: string | null } {
  const [kind, workflow = "", version = "", ...step] = name.split(":");
  if (kind === "workflow" && version)
    return { title: workflow, of: `workflow, version ${version}` };
  if (kind === "run" && workflow) return { title: name.slice(4), of: "run of an agent" };
  if (kind === "step" && step.length > 0)
    return { title: step.join(":"), of: `step of ${workflow}` };
  return { title: name, of: null };
}

export function JobTitle({ name }: { name: string }) {
  const { title, of } = titleOf(name);
  return (
    <>
      <bdi class="name">{printable(title)}</bdi>
      {of && (
        <>
          {" "}
          <Badge tone="violet">{printable(of)}</Badge>
        </>
      )}
    </>
  );
}

/** The step of a run in which an approval of a tool call is asked for, from the name that the run gives it. */
export const runStepOf = (name: string): string | undefined =>
  /^(?:approval of )?tool: (\d+)\//.exec(name)?.[1];

/** The name of a step that a job recorded. */
export function stepTitle(name: string): string {
  const step = runStepOf(name);
  return step ? `approval of a tool call in step ${step}` : oneLine(name, 80);
}

/** Says what a job waits for: how many children and approvals, and which signals. */
export function sayWaits(waitsFor: string[]): string {
  const of = (kind: string) => waitsFor.filter((name) => name.startsWith(`${kind}:`)).length;
  const signals = waitsFor.filter((name) => !/^(job|approval):/.test(name));
  const [children, approvals] = [of("job"), of("approval")];
  return [
    ...(children > 0 ? [plural(children, "child", "children")] : []),
    ...(approvals > 0 ? [plural(approvals, "approval")] : []),
    ...signals.map((name) => `the signal ${oneLine(name, 40)}`),
  ].join(" or ");
}
