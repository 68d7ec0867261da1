import type { MayflyError, RunChunk, RunDetails } from "@mayfly/sdk";
import { signal } from "@preact/signals";
import { Version } from "../../live/frame.ts";
import { Pace } from "../../live/pace.ts";
import type { Space } from "../../live/space.ts";
import { isOver } from "./totals.ts";

/** The model's answer so far, in a step that is not recorded yet. */
export interface Spoken {
  step: number;
  try: number;
  /** When this answer began, by the clock of the page. */
  at: number;
  text: string;
  reasoning: string;
  calls: { callId: string; tool: string; input: unknown }[];
}

/** Waits this long after a chunk before reading the record again, because a step ends with several chunks. */
const settleMs = 120;
const retryMs = 3_000;
/**
 * Whether the run may change at any moment: a worker may take it, or record a step of it. No event tells
 * the page about these two.
 */
const isClose = ({ status }: RunDetails) => status === "queued" || status === "running";
const recorded = new Set([
  ...["finish-step", "tool-input-available", "tool-output-available", "tool-output-error"],
  ...["tool-approval-request", "tool-output-denied"],
]);

/** A run: its record, and until it ends, what its model says at this moment. */
export class FollowedRun {
  readonly id: string;
  readonly details = signal<RunDetails | null>(null);
  readonly error = signal<MayflyError | null>(null);
  readonly version = new Version();
  readonly #space: Space;
  readonly #end = new AbortController();
  #spoken: Spoken | null = null;
  #cursor = 0;
  #reading: Promise<void> | null = null;
  #mustRead = false;
  /**
   * The pace at which the record is read. This is needed because no chunk says that the run was
   * paused, or that it no longer waits.
   */
  readonly #pace = new Pace();
  #before = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #unlisten: () => void = () => {};

  constructor(space: Space, id: string) {
    this.#space = space;
    this.id = id;
  }

  /**
   * What the model says now. Null as soon as its answer is recorded. Read `version.value` to be redrawn
   * after changes.
   */
  get spoken(): Spoken | null {
    const steps = this.details.value?.steps ?? 0;
    return this.#spoken && this.#spoken.step > steps ? this.#spoken : null;
  }

  start(): void {
    this.#unlisten = this.#space.events.listen((events) => {
      if (events.some(({ kind, subject }) => subject === this.id || kind === "approval"))
        this.reload();
    });
    void this.#read().then(() => this.#follow());
  }

  stop(): void {
    this.#end.abort();
    clearTimeout(this.#timer);
    this.#unlisten();
  }

  /** Reads the record, now or after the current read. */
  reload(): void {
    if (this.#end.signal.aborted) return;
    if (this.#reading) this.#mustRead = true;
    else void this.#read();
  }

  #soon(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.reload(), ms);
  }

  async #read(): Promise<void> {
    let changed = false;
    this.#reading = (async () => {
      const { data, error } = await this.#space.mayfly.runs.get(this.id);
      if (this.#end.signal.aborted) return;
      this.error.value = this.details.value ? null : error;
      if (data) this.details.value = data;
      const text = JSON.stringify(data);
      changed = text !== this.#before;
      this.#before = text;
      this.version.changed();
    })();
    await this.#reading;
    this.#reading = null;
    if (this.#mustRead) {
      this.#mustRead = false;
      this.#soon(settleMs);
    } else if (this.details.value && !isOver(this.details.value))
      this.#soon(this.#pace.next(changed, isClose(this.details.value)));
  }

  async #follow(): Promise<void> {
    const { signal: ended } = this.#end;
    while (!ended.aborted && this.details.value && !isOver(this.details.value)) {
      try {
        const options = { after: this.#cursor, signal: ended };
        for await (const chunk of this.#space.mayfly.runs.stream(this.id, options))
          this.#take(chunk);
        this.reload();
        return;
      } catch {
        // The record is still read during the pause. After the pause, the stream continues where it was.
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
  }

  #take({ seq, step, try: nth, chunk }: RunChunk): void {
    this.#cursor = seq;
    if (recorded.has(chunk.type)) this.#soon(settleMs);
    if (step <= (this.details.value?.steps ?? 0)) return;
    if (this.#spoken?.step !== step || this.#spoken.try !== nth)
      this.#spoken = { step, try: nth, at: Date.now(), text: "", reasoning: "", calls: [] };
    const spoken = this.#spoken;
    if (chunk.type === "text-delta") spoken.text += String(chunk.delta);
    else if (chunk.type === "reasoning-delta") spoken.reasoning += String(chunk.delta);
    else if (chunk.type === "tool-input-available")
      spoken.calls.push({
        callId: String(chunk.toolCallId),
        tool: String(chunk.toolName),
        input: chunk.input,
      });
    this.version.changed();
  }
}
