import type { Lane } from "./lanes.ts";
import { barHeight, box, rowHeight, type Scale, type Scene, type Tint, yOf } from "./scene.ts";

export function paintLane(
  context: CanvasRenderingContext2D,
  { head, width, hovered }: Scene,
  lane: Lane,
  y: number,
  tint: Tint,
  x: Scale,
): void {
  const { start, end, life, tone, pauses, id } = lane;
  if (start > head) return;
  const top = y - barHeight / 2;
  const left = Math.max(-6, x(start));
  const present = x(Math.min(head, end));
  const right = Math.min(width + 6, x(end));
  const isOver = end <= head;
  if (hovered === id) {
    context.fillStyle = tint("hover");
    context.fillRect(0, y - rowHeight / 2, width, rowHeight);
  }
  // The remaining life, which drains away.
  if (!isOver) {
    context.fillStyle = tint(`${tone}-ground`);
    box(context, present - 4, top, right - present + 4, barHeight);
    context.fill();
  }
  // The life so far.
  context.globalAlpha = isOver ? 0.42 : 1;
  context.fillStyle = tint(tone);
  box(context, left, top, Math.max(3, present - left), barHeight);
  context.fill();
  for (const [since, until] of pauses) {
    const begin = Math.max(left, x(since));
    const finish = Math.min(present, x(until));
    if (finish <= begin) continue;
    context.fillStyle = tint("raised");
    context.fillRect(begin, top + 3, finish - begin, barHeight - 6);
    context.fillStyle = tint("amber");
    for (let place = begin + 2; place < finish - 1; place += 7)
      context.fillRect(place, top + 5, 3, barHeight - 10);
  }
  context.globalAlpha = 1;
  if (isOver && right < width) paintEnd(context, life.status, present, y, tint);
  if (!isOver) paintLeft(context, end - head, present, right, y, width, tint);
}

/** The remaining time in words, if there is room. */
function paintLeft(
  context: CanvasRenderingContext2D,
  leftMs: number,
  present: number,
  right: number,
  y: number,
  width: number,
  tint: Tint,
): void {
  const seconds = Math.round(leftMs / 1_000);
  const text =
    seconds < 60
      ? `${seconds} s`
      : seconds < 3_600
        ? `${Math.floor(seconds / 60)} min`
        : `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
  const inside = Math.min(right, width) - present > 64;
  context.fillStyle = seconds < 15 ? tint("red") : tint("muted");
  context.textAlign = "left";
  context.fillText(text, inside ? present + 8 : Math.min(right, width) + 6, y + 4);
}

/** A square for an agent that was stopped, and a cross for one that expired. */
function paintEnd(
  context: CanvasRenderingContext2D,
  status: string,
  at: number,
  y: number,
  tint: Tint,
): void {
  context.strokeStyle = context.fillStyle = tint(status === "stopped" ? "muted" : "red");
  context.lineWidth = 2;
  if (status === "stopped") {
    context.fillRect(at - 1, y - 7, 3, 14);
    return;
  }
  context.beginPath();
  // The cross is drawn to the left of the bar's end. If that end is the present, the space to the
  // right of it is the future, where an ended agent has nothing.
  context.moveTo(at - 9, y - 4);
  context.lineTo(at - 1, y + 4);
  context.moveTo(at - 1, y - 4);
  context.lineTo(at - 9, y + 4);
  context.stroke();
}

/** A line from the parent's row down to the birth of its child. */
export function paintBirths(
  context: CanvasRenderingContext2D,
  scene: Scene,
  tint: Tint,
  x: Scale,
): void {
  context.strokeStyle = tint("line-strong");
  context.lineWidth = 1.5;
  scene.lanes.forEach(({ life, start }, row) => {
    const parent = life.parentId === null ? undefined : scene.rowOf.get(life.parentId);
    if (parent === undefined || start > scene.head || start < scene.from) return;
    const place = x(start);
    context.beginPath();
    context.moveTo(place, yOf(scene, parent) + barHeight / 2);
    context.lineTo(place, yOf(scene, row) - 4);
    context.stroke();
  });
}
