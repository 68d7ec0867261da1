import { colour } from "../../app/theme.ts";
import type { Happening } from "../../live/events.ts";
import type { Arc } from "./arcs.ts";
import type { Lane } from "./lanes.ts";

export const rowHeight = 32;
export const axisHeight = 28;
export const barHeight = 14;

/** Everything that a frame shows. */
export interface Scene {
  width: number;
  height: number;
  /** How far the rows are scrolled. */
  top: number;
  from: number;
  to: number;
  head: number;
  isLive: boolean;
  lanes: Lane[];
  /** The row of each agent. */
  rowOf: ReadonlyMap<string, number>;
  happened: readonly Happening[];
  arcs: Arc[];
  /** The item under the pointer. */
  hovered: string | null;
}

/** Where an item was drawn, to find the item under the pointer. */
export interface Spot {
  x: number;
  y: number;
  of: { kind: "event"; event: Happening } | { kind: "arc"; arc: Arc };
}

export const yOf = ({ top }: { top: number }, row: number): number =>
  axisHeight + row * rowHeight - top + rowHeight / 2;

/** A colour of the theme by its name. */
export type Tint = (name: string) => string;

const kept = new Map<string, string>();
let keptTheme = "";
/** The colours of the current theme. */
export function paletteOf(): Tint {
  const theme = document.documentElement.dataset.theme ?? "";
  if (theme !== keptTheme) kept.clear();
  keptTheme = theme;
  return (name) => {
    const found = kept.get(name) ?? colour(name);
    kept.set(name, found);
    return found;
  };
}

/** The horizontal position of a time. */
export type Scale = (at: number) => number;

export function box(
  context: CanvasRenderingContext2D,
  left: number,
  top: number,
  width: number,
  height: number,
  radius = 4,
): void {
  context.beginPath();
  context.roundRect(
    left,
    top,
    Math.max(1, width),
    height,
    Math.min(radius, Math.max(1, width) / 2),
  );
}
