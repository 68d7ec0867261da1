import { styleText } from "node:util";
import type { Logger } from "./log.ts";

const levels = ["debug", "info", "warn", "error"] as const;
type Level = (typeof levels)[number];

const colours = { debug: "gray", info: "cyan", warn: "yellow", error: "red" } as const;

export interface LogOptions {
  /** Whether to show `debug` too. */
  verbose?: boolean;
  /** Whether to write one JSON object per line. */
  json?: boolean;
  /** Where to write the lines. Standard error by default. */
  write?: (line: string) => void;
}

/** Indented below the message, so that no line from outside looks like a line of the log. */
const indent = " ".repeat(15);

/**
 * Makes a text harmless that clients have chosen, such as a topic or a name. Control characters
 * become escapes, and all lines after the first are indented.
 */
const harmless = (text: string): string =>
  text
    .replace(/[^\P{Cc}\n]|[\p{Bidi_Control}\u2028\u2029]/gu, (found) =>
      found === "\t" ? found : `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`,
    )
    .replaceAll("\n", `\n${indent}`);

/** Readable lines on standard error. Standard output is for results. */
export function createConsoleLog(options: LogOptions = {}): Logger {
  const { verbose = false, json = false } = options;
  const write = options.write ?? ((line: string) => void process.stderr.write(`${line}\n`));
  const colour = process.stderr.isTTY && !process.env.NO_COLOR;

  const line = (level: Level, message: string, fields: Record<string, unknown> = {}) => {
    if (level === "debug" && !verbose) return;
    const at = new Date();
    if (json) return write(JSON.stringify({ at: at.toISOString(), level, message, ...fields }));
    const rest = Object.entries(fields)
      .map(
        ([name, value]) => ` ${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
      )
      .join("");
    const label = colour ? styleText(colours[level], level.padEnd(5)) : level.padEnd(5);
    write(`${at.toTimeString().slice(0, 8)} ${label} ${harmless(message + rest)}`);
  };
  return {
    debug: (message, fields) => line("debug", message, fields),
    info: (message, fields) => line("info", message, fields),
    warn: (message, fields) => line("warn", message, fields),
    error: (message, fields) => line("error", message, fields),
  };
}
