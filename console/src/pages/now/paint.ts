import { clockTime } from "../../parts/time.tsx";
import { paintBirths, paintLane } from "./paint-lanes.ts";
import { paintArcs, paintEvents } from "./paint-links.ts";
import {
  axisHeight,
  box,
  paletteOf,
  rowHeight,
  type Scale,
  type Scene,
  type Spot,
  type Tint,
  yOf,
} from "./scene.ts";

const steps = [5, 10, 30, 60, 120, 300, 600, 900].map((seconds) => seconds * 1_000);
export function paint(context: CanvasRenderingContext2D, scene: Scene): Spot[] {
  const { width, height, from, to, head } = scene;
  const tint = paletteOf();
  const x: Scale = (at) => ((at - from) / (to - from)) * width;
  context.clearRect(0, 0, width, height);
  context.font = "500 11px 'Inter Variable', sans-serif";
  paintGrid(context, scene, tint, x);
  context.save();
  context.beginPath();
  context.rect(0, axisHeight, width, height - axisHeight);
  context.clip();
  const spots: Spot[] = [];
  const first = Math.max(0, Math.floor(scene.top / rowHeight));
  const last = Math.min(scene.lanes.length, Math.ceil((scene.top + height) / rowHeight));
  for (let row = first; row < last; row++) {
    const lane = scene.lanes[row];
    if (lane) paintLane(context, scene, lane, yOf(scene, row), tint, x);
  }
  paintBirths(context, scene, tint, x);
  paintEvents(context, scene, tint, x, spots);
  paintArcs(context, scene, tint, x, spots);
  context.restore();
  paintHead(context, scene, tint, x(head));
  return spots;
}

function paintGrid(context: CanvasRenderingContext2D, scene: Scene, tint: Tint, x: Scale): void {
  const { width, height, from, to, head } = scene;
  const pill = context.measureText(headText(scene)).width / 2 + 11;
  const step = steps.find((ms) => ((to - from) / ms) * 90 < width) ?? 900_000;
  context.fillStyle = tint("muted");
  context.strokeStyle = tint("line");
  context.lineWidth = 1;
  context.textAlign = "center";
  for (let at = Math.ceil(from / step) * step; at < to; at += step) {
    const place = Math.round(x(at)) + 0.5;
    context.beginPath();
    context.moveTo(place, axisHeight);
    context.lineTo(place, height);
    context.stroke();
    const text = step < 60_000 ? clockTime(at) : clockTime(at).slice(0, -3);
    const half = context.measureText(text).width / 2;
    const isCut = place < half || place > width - half;
    // Leaves out a label that an edge would cut, or that the time of the present would cover.
    if (!isCut && Math.abs(place - x(head)) > half + pill) context.fillText(text, place, 18);
  }
}

const headText = ({ isLive, head }: Scene) => (isLive ? "now" : clockTime(head));

function paintHead(context: CanvasRenderingContext2D, scene: Scene, tint: Tint, at: number): void {
  const { height, isLive } = scene;
  const tone = isLive ? tint("accent") : tint("amber");
  context.strokeStyle = tone;
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(at, axisHeight - 4);
  context.lineTo(at, height);
  context.stroke();
  const text = headText(scene);
  const room = context.measureText(text).width + 14;
  context.fillStyle = tone;
  box(context, at - room / 2, 4, room, 19, 9);
  context.fill();
  context.fillStyle = tint("on-accent");
  context.textAlign = "center";
  context.fillText(text, at, 17);
}
