import type { MayflyError, MessageContent } from "@mayfly/sdk";
import { signal } from "@preact/signals";
import { Version } from "../../live/frame.ts";
import type { Space } from "../../live/space.ts";

const pageSize = 100;
/**
 * The shortest time between two reads. Without this pause, messages in other channels would cause
 * too many reads.
 */
const pauseMs = 200;

/** The messages of a channel, newest last, including those that arrive from now on. */
export class Conversation {
  readonly version = new Version();
  readonly error = signal<MayflyError | null>(null);
  /**
   * The sequence number of the last message that the person has acknowledged. Null if the person is
   * not subscribed, undefined until this is known.
   */
  acknowledged: number | null | undefined;
  /** Whether there may be older messages. */
  hasOlder = false;
  messages: MessageContent[] = [];
  readonly #space: Space;
  readonly #name: string;
  #last: number;
  #reading = false;
  #mustRead = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ended = false;
  #unlisten: () => void = () => {};

  constructor(space: Space, name: string, lastSeq: number) {
    this.#space = space;
    this.#name = name;
    this.#last = Math.max(0, lastSeq - pageSize);
  }

  start(): void {
    this.hasOlder = this.#last > 0;
    this.#unlisten = this.#space.events.listen((events) => {
      if (events.some(({ kind }) => kind === "message")) this.reload();
    });
    void this.#read();
  }

  stop(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#unlisten();
  }

  /** Reads new messages. */
  reload(): void {
    if (this.#reading) this.#mustRead = true;
    else if (!this.#ended) void this.#read();
  }

  /** Reads a page of older messages. */
  async loadOlder(): Promise<void> {
    const first = this.messages[0]?.seq ?? this.#last + 1;
    const after = Math.max(0, first - 1 - pageSize);
    const { channels } = this.#space.mayfly;
    const { data, error } = await channels.read(this.#name, { after, limit: pageSize });
    this.error.value = error;
    if (!data) return;
    this.messages = [...data.messages.filter(({ seq }) => seq < first), ...this.messages];
    this.hasOlder = after > 0 && data.messages.some(({ seq }) => seq < first);
    this.version.changed();
  }

  async #read(): Promise<void> {
    this.#reading = true;
    for (let more = true; more && !this.#ended; ) {
      const { data, error } = await this.#space.mayfly.channels.read(this.#name, {
        after: this.#last,
        limit: pageSize,
      });
      if (this.#ended) return;
      this.error.value = error;
      if (!data) break;
      this.acknowledged = data.acknowledged;
      this.messages = [...this.messages, ...data.messages.filter(({ seq }) => seq > this.#last)];
      this.#last = data.messages.at(-1)?.seq ?? this.#last;
      more = data.more;
      this.version.changed();
    }
    this.version.changed();
    this.#timer = setTimeout(() => {
      this.#reading = false;
      if (!this.#mustRead) return;
      this.#mustRead = false;
      this.reload();
    }, pauseMs);
  }
}
