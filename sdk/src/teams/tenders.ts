import { list } from "../contract/answer-form.ts";
import { ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import { seconds, toJob } from "../jobs/forms.ts";
import type { Link } from "../link/link.ts";
import { present } from "../link/rows.ts";
import { tenderRow, toTender } from "./answers.ts";
import type { BidOptions, Task, Tender, TenderOptions } from "./types.ts";

/** Tenders: work for which agents bid. */
export class Tenders {
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * Offers a job for bids. Needs `team:manage` and `job:add`.
   *
   * @example
   * const { data: tender } = await mayfly.teams.tenders.open({ name: "translate", input: { text: "Hello" } }, { within: "10s" });
   */
  open(job: Task, options: TenderOptions = {}): Promise<Result<Tender>> {
    return this.#call("open_tender", {
      job: toJob(job),
      ...present({
        capabilities: options.capabilities,
        rule: options.rule,
        max_price: options.maxPrice,
        team: options.team && idOf(options.team),
        seconds: seconds(options.within),
      }),
    });
  }

  /**
   * Bids, as an agent. You can bid only once, and nobody sees the bid before the tender is over. Needs
   * `team:vote`, and `job:work` for the work itself.
   *
   * @returns the tender, with its winner if this bid closed it. Errors: `already_bid`, `not_a_bidder`,
   * `tender_closed`, `tender_unknown`.
   */
  bid(id: string, { price, score, note }: BidOptions): Promise<Result<Tender>> {
    return this.#call("place_bid", { tender_id: idOf(id), ...present({ price, score, note }) });
  }

  /**
   * Reads a tender as it is now. If its time is over, it is awarded. `tender_unknown`. Needs `team:read`.
   */
  get(id: string): Promise<Result<Tender>> {
    return this.#call("get_tender", { tender_id: idOf(id) });
  }

  /**
   * Awards a tender to the best bid so far. For the caller that opened it, or anyone with
   * `agent:stop`.
   */
  award(id: string): Promise<Result<Tender>> {
    return this.#call("close_tender", { tender_id: idOf(id), award: true });
  }

  /** Withdraws a tender. For the caller that opened it, or anyone with `agent:stop`. */
  cancel(id: string): Promise<Result<Tender>> {
    return this.#call("close_tender", { tender_id: idOf(id), award: false });
  }

  /**
   * Lists the tenders of a team or of the tenant, newest first. Open tenders come without bids.
   * Needs `team:read`.
   */
  async list({ team, limit }: { team?: string; limit?: number } = {}): Promise<Result<Tender[]>> {
    const values = present({ team_id: team && idOf(team), page_limit: limit });
    const answer = await this.#link.rpc("list_tenders", values, list(tenderRow));
    return answer.error ? answer : ok(answer.data.map(toTender));
  }

  async #call(
    name: "open_tender" | "place_bid" | "get_tender" | "close_tender",
    values: Record<string, unknown>,
  ): Promise<Result<Tender>> {
    const answer = await this.#link.rpc(name, values, tenderRow);
    return answer.error ? answer : ok(toTender(answer.data));
  }
}
