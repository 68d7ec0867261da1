import { Graph, layout } from "@dagrejs/dagre";
import type { GraphDefinition } from "@mayfly/sdk";

export interface Placed {
  name: string;
  left: number;
  top: number;
}
export interface Edge {
  from: string;
  to: string;
  optional: boolean;
  /** An SVG path. */
  path: string;
}
export interface Layout {
  width: number;
  height: number;
  steps: Placed[];
  edges: Edge[];
}

/** The size of a step's box, in pixels. */
export const [boxWidth, boxHeight] = [168, 60];

/** Places each step after the steps that it waits for. The library dagre avoids crossing lines. */
export function layOut({ steps }: GraphDefinition, direction: "LR" | "TB"): Layout {
  const names = Object.keys(steps);
  const idOf = (name: string) => `s${names.indexOf(name)}`;
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: direction, nodesep: 20, ranksep: 48, marginx: 16, marginy: 16 });
  for (const name of names) graph.setNode(idOf(name), { width: boxWidth, height: boxHeight });
  const wanted = names.flatMap((name) => {
    const { needs = [], optional = [] } = steps[name] ?? {};
    return [
      ...needs.map((from) => ({ from, to: name, optional: false })),
      ...optional.map((from) => ({ from, to: name, optional: true })),
    ];
  });
  for (const { from, to } of wanted) graph.setEdge(idOf(from), idOf(to), {});
  layout(graph);
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  return {
    width,
    height,
    steps: names.map((name) => {
      const { x = 0, y = 0 } = graph.node(idOf(name)) as { x?: number; y?: number };
      return { name, left: x - boxWidth / 2, top: y - boxHeight / 2 };
    }),
    edges: wanted.map((edge) => {
      const { points = [] } = graph.edge(idOf(edge.from), idOf(edge.to)) as {
        points?: { x: number; y: number }[];
      };
      return { ...edge, path: curve(points) };
    }),
  };
}

/** A path through the middles of dagre's lines, so that corners are round. */
function curve(points: { x: number; y: number }[]): string {
  const [first, ...rest] = points;
  const last = rest.at(-1);
  if (!first || !last) return "";
  const bends = rest.slice(0, -1).map((point, at) => {
    const next = rest[at + 1] ?? last;
    const isLast = at === rest.length - 2;
    const to = isLast ? last : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
    return `Q ${point.x} ${point.y} ${to.x} ${to.y}`;
  });
  return `M ${first.x} ${first.y} ${bends.join(" ") || `L ${last.x} ${last.y}`}`;
}
