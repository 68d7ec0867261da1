import { invalid } from "../contract/invalid.ts";
import { workflowBounds } from "../contract/work-bounds.ts";
import type { StepShape } from "./graph-types.ts";

type Steps = Record<string, StepShape>;

/** Names in the input of a step that are not steps. */
const own = ["input", "item", "index", "report"];

/** The first name of a reference such as `list.pages`. */
const rootOf = (reference: string) => reference.split(".", 1)[0] ?? "";

export const waitsOf = ({ needs = [], optional = [] }: StepShape) => [...needs, ...optional];

/**
 * Refuses an invalid graph before anything is done. The database does the same for direct calls.
 *
 * @throws `invalid_request` with the step and the field.
 */
export function checkGraph(
  name: string,
  version: string,
  steps: Steps,
  result: string | undefined,
): void {
  const known = Object.keys(steps);
  if (known.length === 0 || known.length > workflowBounds.steps)
    throw invalid("steps", `must be 1 to ${workflowBounds.steps} steps`);
  for (const [step, shape] of Object.entries(steps)) {
    const fault = faultOf(known, step, shape);
    if (fault) throw invalid(`steps.${step}.${fault[0]}`, fault[1]);
    if (!shape.child && `step:${name}:${version}:${step}`.length > 100)
      throw invalid(
        `steps.${step}`,
        "and the name and the version must have at most 92 characters together",
      );
  }
  if (result !== undefined && !known.includes(rootOf(result)))
    throw invalid("result", `must be a step of the graph, and there is no "${rootOf(result)}"`);
  const circle = circleOf(steps);
  if (circle.length > 0) throw invalid("steps", `${circle.join(", ")} need each other in a cycle`);
}

function faultOf(known: string[], step: string, shape: StepShape): [string, string] | undefined {
  const { child, input, map, when } = shape;
  if (!/^[A-Za-z][A-Za-z0-9_]{0,49}$/.test(step) || own.includes(step))
    return ["name", `must be letters, digits and underscores, and not ${own.join(", ")}`];
  const waits = waitsOf(shape);
  const missing = waits.find((one) => !known.includes(one));
  if (missing !== undefined)
    return ["needs", `must be steps of the graph, and there is no "${missing}"`];
  const given = ["input", ...waits];
  const seen = `it sees ${given.join(", ")}`;
  if (map !== undefined && !given.includes(rootOf(map)))
    return ["map", `must name the input or a step that it needs (${seen}), not "${rootOf(map)}"`];
  if (input !== undefined && child === undefined)
    return [
      "input",
      "is only for steps with child: a step with code gets everything that it needs",
    ];
  const items = map === undefined ? [] : ["item"];
  if (input !== undefined && ![...given, ...items].includes(rootOf(input)))
    return [
      "input",
      `must name the input or a step that it needs (${seen}), not "${rootOf(input)}"`,
    ];
  if (when === undefined) return undefined;
  const asked = [...when.matchAll(/\$\s*\.\s*"?([A-Za-z0-9_-]*)/g)].map(([, root = ""]) => root);
  const unknown = asked.find((one) => !given.includes(one));
  if (asked.length === 0 || unknown !== undefined)
    return [
      "when",
      `must name the input or a step that it needs (${seen}), not "${unknown ?? when}"`,
    ];
  return undefined;
}

/** The steps that need each other in a cycle. Empty if there are none. */
function circleOf(steps: Steps): string[] {
  let left = Object.entries(steps).map(([name, shape]) => ({ name, waits: waitsOf(shape) }));
  const without = (isFree: (one: (typeof left)[number]) => boolean) => {
    const before = left.length;
    left = left.filter((one) => !isFree(one));
    return left.length < before;
  };
  while (without(({ waits }) => !waits.some((need) => left.some(({ name }) => name === need))));
  // Steps that only come after the cycle are not part of it.
  while (without(({ name }) => !left.some(({ waits }) => waits.includes(name))));
  return left.map(({ name }) => name);
}
