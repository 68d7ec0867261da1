import { styleText } from "node:util";

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 100;
const clear = "\r\u001b[2K";

/** Shows progress in the last line of a terminal. Elsewhere, prints a plain line at each quarter. */
export class LiveLine {
  readonly #out: NodeJS.WriteStream;
  #text = "";
  #aside = "";
  #frame = 0;
  #quarter = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  show(text: string, share?: number): void {
    this.#text = text;
    if (this.#out.isTTY) {
      this.#timer ??= setInterval(() => this.#draw(), FRAME_MS).unref();
      this.#draw();
    } else if (share !== undefined && Math.floor(share * 4) > this.#quarter) {
      this.#quarter = Math.floor(share * 4);
      this.#out.write(`  ${this.#whole()}\n`);
    }
  }

  /** Sets the second text of the line, which changes independently of the first. */
  aside(text: string): void {
    this.#aside = text;
  }

  /** Prints a line above, so that the next `show` starts on a new line. */
  print(text: string): void {
    this.end();
    this.#out.write(`${text}\n`);
  }

  end(): void {
    clearInterval(this.#timer);
    if (this.#timer) this.#out.write(clear);
    this.#timer = undefined;
  }

  #whole(): string {
    return [this.#text, this.#aside].filter(Boolean).join(" · ");
  }

  #draw(): void {
    const frame = frames[this.#frame++ % frames.length] ?? "";
    const room = (this.#out.columns ?? 80) - 5;
    const whole = [...this.#whole()];
    const text = whole.length > room ? `${whole.slice(0, room - 1).join("")}…` : whole.join("");
    this.#out.write(`${clear}  ${styleText("cyan", frame, { stream: this.#out })} ${text}`);
  }
}
