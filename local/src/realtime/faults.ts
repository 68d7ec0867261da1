import { JoinError } from "./join-error.ts";

/** Faults with their probabilities, to test a client. */
export interface RealtimeFaults {
  /** The same seed gives the same faults at the same frames. */
  seed: number;
  /** The probability that a broadcast to one receiver never arrives. */
  drop?: number;
  /** The probability that a broadcast arrives up to `lateMs` later. */
  late?: number;
  lateMs?: number;
  /** The probability that a broadcast arrives after the next one. */
  reorder?: number;
  /** The probability that a broadcast closes the receiver's whole socket. */
  closeSocket?: number;
  /** The probability that a broadcast ends the receiver's channel, as an expired token does. */
  expireToken?: number;
  /** The probability that a join is refused. */
  refuseJoin?: number;
}

/** A receiver of a frame. */
export interface FaultyReceiver {
  send: () => void;
  closeSocket: () => void;
  expireToken: () => void;
}

/**
 * Injects faults. Presence and replies are left alone: TCP loses no frames, and Realtime loses only
 * broadcasts.
 */
export class Faults {
  readonly #plan: RealtimeFaults;
  #state: number;
  #held: (() => void) | undefined;

  constructor(plan: RealtimeFaults) {
    this.#plan = plan;
    this.#state = plan.seed >>> 0;
  }

  deliver({ send, closeSocket, expireToken }: FaultyReceiver): void {
    const plan = this.#plan;
    if (this.#happens(plan.closeSocket)) closeSocket();
    else if (this.#happens(plan.expireToken)) expireToken();
    else if (this.#happens(plan.drop)) return;
    else if (this.#happens(plan.late))
      setTimeout(send, this.#random() * (plan.lateMs ?? 1_000)).unref();
    else this.#inTurn(send);
  }

  /** @throws JoinError */
  join(): void {
    if (this.#happens(this.#plan.refuseJoin))
      throw new JoinError("DatabaseLackOfConnections: Database can't accept more connections");
  }

  #inTurn(send: () => void): void {
    const held = this.#held;
    this.#held = undefined;
    if (!held && this.#happens(this.#plan.reorder)) this.#held = send;
    else send();
    held?.();
  }

  #happens(probability = 0): boolean {
    return probability > 0 && this.#random() < probability;
  }

  /** mulberry32: https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
  #random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }
}
