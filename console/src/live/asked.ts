import type { ListedApproval, Mayfly } from "@mayfly/sdk";
import { signal } from "@preact/signals";
import type { Events } from "./events.ts";
import { Soon } from "./soon.ts";

/** The shortest time between two reads. The next read gets everything that changed in between. */
const pauseMs = 300;
/**
 * How often to read the approvals although no event has arrived. There is no event when an approval
 * expires, escalates or reaches the person's role.
 */
const lookAgainMs = 60_000;
const most = 1_000;

/** The approvals that wait for the signed-in person, for the count in the navigation and for their page. */
export class Asked {
  readonly waiting = signal<ListedApproval[]>([]);
  readonly #mayfly: Mayfly;
  readonly #events: Events;
  #unlisten: (() => void) | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  readonly #soon = new Soon(pauseMs, () => this.look());
  #asked = 0;
  #shown = 0;

  constructor(mayfly: Mayfly, events: Events) {
    this.#mayfly = mayfly;
    this.#events = events;
  }

  start(): void {
    this.#unlisten = this.#events.listen((events) => {
      if (events.some(({ kind }) => kind === "approval")) this.#soon.call();
    });
    this.#timer = setInterval(() => void this.look(), lookAgainMs);
    void this.look();
  }

  stop(): void {
    this.#unlisten?.();
    clearInterval(this.#timer);
    this.#soon.stop();
    this.#shown = Number.POSITIVE_INFINITY;
  }

  /** Reads the waiting approvals again. */
  async look(): Promise<void> {
    const own = ++this.#asked;
    const { data } = await this.#mayfly.approvals.list({ mine: true, limit: most });
    // If the answer to a later call has arrived first, ignore this one.
    if (!data || own < this.#shown) return;
    this.#shown = own;
    this.waiting.value = data;
  }
}
