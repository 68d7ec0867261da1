import { styleText } from "node:util";
import type { Failure } from "./failure.ts";
import { harmless } from "./format-values.ts";

type Style = Parameters<typeof styleText>[0];

/** The output of a command: for people, or only JSON on standard output. */
export class Output {
  readonly json: boolean;
  /** Whether a person reads the output. */
  readonly terminal: boolean;
  readonly #out: NodeJS.WriteStream;
  readonly #err: NodeJS.WriteStream;

  constructor(json: boolean, out = process.stdout, err = process.stderr) {
    this.json = json;
    this.terminal = !json && out.isTTY === true;
    this.#out = out;
    this.#err = err;
  }

  /** The answer of a command: one JSON object, or lines for people. */
  answer(value: object, lines: () => string[]): void {
    if (this.json) this.#write(JSON.stringify(value));
    else for (const line of lines()) this.#write(line);
  }

  /** A line of a stream. */
  line(text: string): void {
    this.#write(text);
  }

  /** A note for people, besides the answer. */
  note(text: string): void {
    if (!this.json) this.#err.write(`${this.paintAside("dim", harmless(text))}\n`);
  }

  /**
   * An error in a stream that is retried. With --json, it is printed too, on standard error, because
   * silence would suggest that all is well.
   */
  problem(text: string): void {
    this.#err.write(`${this.paintAside("dim", harmless(text))}\n`);
  }

  failure({ code, message, hint, details }: Failure): void {
    if (this.json) {
      this.#write(JSON.stringify({ error: { code, message, hint, details } }));
      return;
    }
    // The message may contain names that somebody else chose.
    this.#err.write(`${this.paintAside("red", harmless(message))}\n`);
    if (hint) this.#err.write(`${harmless(hint)}\n`);
  }

  /** Colour if there is a terminal and NO_COLOR is not set. */
  paint(style: Style, text: string): string {
    return this.json ? text : styleText(style, text, { stream: this.#out });
  }

  get width(): number {
    return this.terminal ? this.#out.columns || 80 : Number.POSITIVE_INFINITY;
  }

  /** Columns as wide as their widest cell. The last one is cut at the end of the terminal. */
  table(head: string[], rows: string[][]): string[] {
    const widths = head.map((title, column) =>
      Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
    );
    const lay = (cells: string[]) =>
      cells
        .map((cell, column) =>
          column === cells.length - 1 ? cell : cell.padEnd(widths[column] ?? 0),
        )
        .join("  ")
        .trimEnd();
    const fit = (text: string) =>
      text.length > this.width ? `${text.slice(0, this.width - 1)}…` : text;
    return [this.paint("dim", fit(lay(head))), ...rows.map((row) => fit(lay(row)))];
  }

  /** Names and values, one pair per line. */
  fields(rows: [string, string][]): string[] {
    const width = Math.max(...rows.map(([name]) => name.length));
    return rows.map(([name, value]) => `${this.paint("dim", name.padEnd(width))}  ${value}`);
  }

  private paintAside(style: Style, text: string): string {
    return styleText(style, text, { stream: this.#err });
  }

  #write(text: string): void {
    this.#out.write(`${text}\n`);
  }
}
