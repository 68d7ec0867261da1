import { failed, MayflyError, type Result } from "../contract/errors.ts";
import { claimsOf } from "../link/claims.ts";
import { jittered } from "../link/jitter.ts";
import type { Link } from "../link/link.ts";
import { passes, retried } from "../link/retry.ts";
import { ticks, within } from "../link/ticks.ts";
import { issued } from "./answers.ts";
import type { AgentRow, AgentTypeRow, Issued } from "./issued.ts";

/** A renewal is tried again so often, with the same secret: one whose answer is lost works twice. */
const renewalTries = 3;
const retryDelayMs = 500;
/** None of these says that the agent is over. */
const mayBeRenewed = (error: MayflyError) => passes(error) || error.code === "not_configured";
/** A token that ends sooner is not sent any more: it must arrive, too. */
const marginMs = 10_000;

/**
 * An agent's token, kept fresh: renewed when two thirds of its life are over, on a timer and at
 * every use, so that it never runs out in the middle of work.
 */
export class Session {
  /** Called with every new token. */
  onToken: (token: string) => void = () => {};
  /** Called once, when the agent cannot be renewed any more. */
  onEnd: (error: MayflyError) => void = () => {};

  readonly #link: Link;
  #issued: Issued;
  #planned = moment();
  #renewAfter = 0;
  #cameAt = moment();
  #goodFor = 0;
  #renewal: Promise<Result<Issued>> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ended: MayflyError | undefined;

  /** @param client one without a token: the renewal secret suffices alone. */
  constructor(link: Link, issued: Issued) {
    this.#link = link;
    this.#issued = issued;
    this.#plan();
  }

  get agent(): AgentRow {
    return this.#issued.agent;
  }

  get type(): AgentTypeRow | null {
    return this.#issued.type;
  }

  /** Why it renews no more; undefined while it does. */
  get over(): MayflyError | undefined {
    return this.#ended;
  }

  /** A token that is good for a while; the last one when no better is to be had. */
  async token(): Promise<string> {
    if (elapsed(this.#planned) >= this.#renewAfter && !this.#ended) {
      const renewal = this.renew();
      // One that is good yet waits for no server that does not answer.
      if (elapsed(this.#cameAt) > this.#goodFor) await renewal;
    }
    return this.#issued.token;
  }

  /** Renews now; calls at the same time share one renewal. With `extend` the agent gets its lifetime again. */
  async renew(extend = false): Promise<Result<Issued>> {
    // One that is under way gives a token alone.
    if (extend) await this.#renewal;
    if (this.#ended) return failed(this.#ended);
    this.#renewal ??= this.#renew(extend).finally(() => {
      this.#renewal = undefined;
    });
    return this.#renewal;
  }

  /** Renews no more; `why`: it was ended from outside. */
  end(why?: MayflyError): void {
    clearTimeout(this.#timer);
    if (why && !this.#ended) {
      this.#ended = why;
      this.onEnd(why);
    }
    this.#ended ??= new MayflyError({
      code: "agent_not_alive",
      message: "The agent has stopped.",
      hint: "Spawn another agent.",
      details: null,
    });
  }

  async #renew(extend: boolean): Promise<Result<Issued>> {
    const ask = () =>
      this.#link.fn("spawn/renew", issued, {
        renewal_secret: this.#issued.renewal_secret,
        ...(extend && { extend }),
      });
    const again = (error: MayflyError) => !this.#ended && mayBeRenewed(error);
    const result = await retried(ask, again, { firstMs: retryDelayMs, tries: renewalTries });
    if (this.#ended) return failed(this.#ended);
    if (!result.error) {
      this.#issued = result.data;
      this.#plan();
      this.onToken(result.data.token);
    } else if (mayBeRenewed(result.error)) this.#planIn(jittered(retryDelayMs * 10));
    else {
      clearTimeout(this.#timer);
      this.#ended = result.error;
      this.onEnd(result.error);
    }
    return result;
  }

  #plan(): void {
    const life = lifeOf(this.#issued);
    this.#cameAt = moment();
    this.#goodFor = life - marginMs;
    // An agent at the end of its life gets shorter and shorter tokens: not one a millisecond.
    this.#planIn(Math.max((life * 2) / 3, 1_000));
  }

  #planIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#planned = moment();
    this.#renewAfter = ms;
    this.#timer = setTimeout(() => void this.renew(), within(ms));
    // In Node a waiting renewal keeps no process alive.
    (this.#timer as { unref?: () => void }).unref?.();
  }
}

/** By both clocks: one may be set, and the other stands still while the machine sleeps. */
const moment = () => ({ ticks: ticks(), date: Date.now() });
/** At least so long ago: a clock that is set back changes nothing, one that is set ahead renews once. */
const elapsed = (since: ReturnType<typeof moment>) =>
  Math.max(ticks() - since.ticks, Date.now() - since.date);

/** Of a token that has just come, in milliseconds: by its own two times, since our clock may be wrong. */
function lifeOf({ token, token_expires_at }: Issued): number {
  return Date.parse(token_expires_at) - Number(claimsOf(token).iat) * 1000;
}
