import { clock, told, what, whose } from "./format-parts.ts";
import type { Format, Paint } from "./format-types.ts";

const colours: Record<string, Parameters<Paint>[0]> = {
  agent: "green",
  memory: "cyan",
  message: "magenta",
  state: "yellow",
  error: "red",
  task: "blue",
  tool: "blue",
};

/** Everything about a record, in columns. */
export const humanFormat =
  (paint: Paint): Format =>
  (record) => {
    const happened = what(record).padEnd(20);
    const colour = colours[record.category];
    return [
      paint("dim", clock(record.at)),
      whose(record).padEnd(16),
      colour ? paint(colour, happened) : happened,
      paint("dim", record.subject ?? ""),
      told(record),
    ]
      .join("  ")
      .trimEnd();
  };
