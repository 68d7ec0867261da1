import { toneOf } from "../../parts/badge.tsx";
import { type Scale, type Scene, type Spot, type Tint, yOf } from "./scene.ts";

/** More arcs at once would be unreadable, so only the newest are drawn. */
const mostArcs = 300;

/** A dot for each event, at its agent's row. */
export function paintEvents(
  context: CanvasRenderingContext2D,
  scene: Scene,
  tint: Tint,
  x: Scale,
  spots: Spot[],
): void {
  const drawn = new Set<string>();
  for (const event of scene.happened) {
    const { agentId, at, kind, subject } = event;
    if (at > scene.head || kind === "agent" || kind === "message") continue;
    const row = scene.rowOf.get(agentId ?? subject ?? "");
    if (row === undefined) continue;
    const [place, y] = [x(at), yOf(scene, row)];
    if (y < 0 || y > scene.height) continue;
    spots.push({ x: place, y, of: { kind: "event", event } });
    // Of several dots with the same place and colour, only one is drawn.
    const spot = `${Math.round(place / 3)} ${row} ${kind}`;
    if (drawn.has(spot)) continue;
    drawn.add(spot);
    context.beginPath();
    context.arc(place, y, 3.6, 0, Math.PI * 2);
    context.fillStyle = tint("raised");
    context.fill();
    context.beginPath();
    context.arc(place, y, 2.4, 0, Math.PI * 2);
    context.fillStyle = tint(toneOf(kind));
    context.fill();
  }
}

const arcTones = { message: "teal", handoff: "pink", job: "orange" };

export function paintArcs(
  context: CanvasRenderingContext2D,
  scene: Scene,
  tint: Tint,
  x: Scale,
  spots: Spot[],
): void {
  const shown = scene.arcs.filter(
    ({ from, to, at, until }) =>
      at <= scene.head &&
      until >= scene.from &&
      scene.rowOf.has(from) &&
      scene.rowOf.has(to) &&
      from !== to,
  );
  const dense = shown.length > 60;
  for (const arc of shown.slice(-mostArcs)) {
    const [from, to] = [scene.rowOf.get(arc.from) ?? 0, scene.rowOf.get(arc.to) ?? 0];
    const [y0, y1] = [yOf(scene, from), yOf(scene, to)];
    if (Math.max(y0, y1) < 0 || Math.min(y0, y1) > scene.height) continue;
    const [x0, x1] = [x(arc.at), x(Math.min(arc.until, scene.head))];
    const bow = Math.min(46, 14 + Math.abs(y1 - y0) * 0.18);
    const middle = Math.max(x0, x1) + bow;
    const lit = scene.hovered === arc.key;
    context.strokeStyle = context.fillStyle = tint(arcTones[arc.kind]);
    context.globalAlpha = lit ? 1 : dense ? 0.35 : 0.75;
    context.lineWidth = lit ? 2.6 : 1.6;
    context.setLineDash(arc.waits ? [3, 3] : []);
    context.beginPath();
    context.moveTo(x0, y0);
    context.bezierCurveTo(middle, y0, middle, y1, x1 + 5, y1);
    context.stroke();
    context.setLineDash([]);
    // The head of the arrow, at the recipient's row.
    context.beginPath();
    context.moveTo(x1 + 1, y1);
    context.lineTo(x1 + 8, y1 - 4);
    context.lineTo(x1 + 8, y1 + 4);
    context.fill();
    context.globalAlpha = 1;
    for (const t of [0.1, 0.3, 0.5, 0.7, 0.9, 1])
      spots.push({
        x: bezier(x0, middle, middle, x1 + 5, t),
        y: bezier(y0, y0, y1, y1, t),
        of: { kind: "arc", arc },
      });
  }
}

const bezier = (a: number, b: number, c: number, d: number, t: number) =>
  (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t ** 2 * c + t ** 3 * d;
