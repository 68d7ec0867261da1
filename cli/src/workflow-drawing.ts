/** Runs as Mermaid diagrams (https://mermaid.js.org/syntax/flowchart.html). */
import type { Checkpoint, WorkflowQuery } from "@mayfly/sdk";
import { printable } from "./words.ts";

/** Mermaid ends a label at these. */
const label = (text: string) =>
  printable(text)
    .slice(0, 80)
    .replaceAll("&", "&amp;")
    .replaceAll('"', "&quot;")
    .replaceAll("<", "&lt;");

const shapes: Partial<Record<Checkpoint["kind"], [string, string]>> = {
  signal: ["[/", "/]"],
  sleep: ["([", "])"],
  child: ["[[", "]]"],
  approve: ["{{", "}}"],
  any: ["{", "}"],
};

/** What a run has recorded, one below the other, and what it waits for. */
export function drawRun(run: WorkflowQuery, checkpoints: Checkpoint[]): string[] {
  const drawn = checkpoints.filter(({ kind }) => !["timer", "asked", "report"].includes(kind));
  const nodes = drawn.map(({ kind, name }, at) => {
    const [open, close] = shapes[kind] ?? ["[", "]"];
    return `  s${at}${open}"${label(name)}"${close}`;
  });
  const path = ["begin", ...drawn.map((_, at) => `s${at}`), "end_"];
  const waits = (run.waitsFor ?? []).map((name) => `waits for ${name}`).join(", ");
  return [
    "flowchart TD",
    `  begin(("${label(`${run.name} ${run.version}`)}"))`,
    ...nodes,
    `  end_(("${label(waits || run.status)}"))`,
    ...path.slice(1).map((to, at) => `  ${path[at]} --> ${to}`),
  ];
}
