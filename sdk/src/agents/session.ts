import { failed, MayflyError, type Result } from "../contract/errors.ts";
import { claimsOf } from "../link/claims.ts";
import { jittered } from "../link/jitter.ts";
import type { Link } from "../link/link.ts";
import { ticks, within } from "../link/monotonic-time.ts";
import { passes, retried } from "../link/retry.ts";
import { issued } from "./answers.ts";
import type { AgentRow, AgentTypeRow, Issued } from "./issued.ts";

/**
 * How many times in all to try a renewal. A secret works again for 30 s after its first use, because the
 * first answer may be lost.
 */
const renewalTries = 3;
const retryDelayMs = 500;
/** Whether a later renewal may succeed after this error. If not, the agent has ended. */
const mayBeRenewed = (error: MayflyError) => passes(error) || error.code === "not_configured";
/**
 * A token that expires sooner than this is not used, because it must still be valid when the request
 * arrives.
 */
const marginMs = 10_000;

/**
 * Keeps an agent's token fresh. The token is renewed after two thirds of its life, by a timer or at the next
 * use, so that it never ends in the middle of work.
 */
export class Session {
  /** Called with every new token. */
  onToken: (token: string) => void = () => {};
  /** Called once, when the agent can no longer be renewed. */
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

  /** @param link a connection without a token, because renewing needs only the renewal secret. */
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

  /** Why the session no longer renews the token. Undefined while it renews the token. */
  get over(): MayflyError | undefined {
    return this.#ended;
  }

  /** Returns a token that is still valid for a while, or the last token if there is no better one. */
  async token(): Promise<string> {
    if (elapsed(this.#planned) >= this.#renewAfter && !this.#ended) {
      const renewal = this.renew();
      // While the token is valid, do not wait for a server that does not answer.
      if (elapsed(this.#cameAt) > this.#goodFor) await renewal;
    }
    return this.#issued.token;
  }

  /**
   * Renews now. Calls at the same time share one renewal. With `extend`, the agent's lifetime
   * starts again.
   */
  async renew(extend = false): Promise<Result<Issued>> {
    // A renewal that is already running may be one that does not extend the life, so wait for its end.
    if (extend) await this.#renewal;
    if (this.#ended) return failed(this.#ended);
    this.#renewal ??= this.#renew(extend).finally(() => {
      this.#renewal = undefined;
    });
    return this.#renewal;
  }

  /** Stops renewing. `why` is set if the agent was ended from outside. */
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
    // Near the end of its life, an agent gets shorter and shorter tokens. Without a minimum, it would renew
    // them every few milliseconds.
    this.#planIn(Math.max((life * 2) / 3, 1_000));
  }

  #planIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#planned = moment();
    this.#renewAfter = ms;
    this.#timer = setTimeout(() => void this.renew(), within(ms));
    // In Node, the timer for the next renewal must not keep the process alive.
    (this.#timer as { unref?: () => void }).unref?.();
  }
}

/**
 * The current moment on two clocks. `date` jumps when somebody sets the machine's time, and `ticks` stop
 * while the machine sleeps.
 */
const moment = () => ({ ticks: ticks(), date: Date.now() });
/**
 * The time since a moment, by the clock that has advanced more. If somebody sets the date back, nothing
 * changes. If somebody sets it ahead, the token is renewed once.
 */
const elapsed = (since: ReturnType<typeof moment>) =>
  Math.max(ticks() - since.ticks, Date.now() - since.date);

/**
 * The life of a token that has just arrived, in milliseconds. Both times come from the server, because this
 * machine's clock may be wrong.
 */
function lifeOf({ token, token_expires_at }: Issued): number {
  return Date.parse(token_expires_at) - Number(claimsOf(token).iat) * 1000;
}
