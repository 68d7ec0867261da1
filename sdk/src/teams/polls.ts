import { list } from "../contract/answer-form.ts";
import { ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import { seconds } from "../jobs/forms.ts";
import type { Link } from "../link/link.ts";
import { present } from "../link/rows.ts";
import { pollRow, toPoll } from "./answers.ts";
import type { Poll, PollOptions } from "./types.ts";

/** Polls: questions that each agent or person answers separately. */
export class Polls {
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * Opens a poll. It closes when its time is over, or earlier: when all living voters have voted, when the
   * missing votes cannot change the outcome, or when its quorum is reached. Needs `team:manage`.
   *
   * @example
   * const { data: poll } = await mayfly.teams.polls.open("Ship it?", { within: "1m" });
   */
  open(question: string, options: PollOptions = {}): Promise<Result<Poll>> {
    return this.#call("open_poll", {
      question,
      ...present({
        options: options.options ?? ["yes", "no"],
        rule: options.rule,
        voters: options.voters,
        team: options.team && idOf(options.team),
        quorum: options.quorum,
        seconds: seconds(options.within),
        key: options.key,
        lease: options.lease,
      }),
    });
  }

  /**
   * Votes. You can vote only once, and nobody sees the ballot before the poll closes. Needs `team:vote`.
   *
   * @returns the poll, with its outcome if this ballot closed it. Errors: `already_voted`, `not_a_voter`,
   * `poll_closed`, `poll_unknown`.
   */
  vote(id: string, choice: string, reason?: string): Promise<Result<Poll>> {
    return this.#call("cast_ballot", { poll_id: idOf(id), choice, ...(reason && { reason }) });
  }

  /**
   * Reads a poll as it is now. If its time is over, it closes. Fails with `poll_unknown` if there is none.
   * Needs `team:read`.
   */
  get(id: string): Promise<Result<Poll>> {
    return this.#call("get_poll", { poll_id: idOf(id) });
  }

  /** Withdraws a poll that you opened, or any with `agent:stop`. Nobody ever sees its ballots. */
  cancel(id: string): Promise<Result<Poll>> {
    return this.#call("cancel_poll", { poll_id: idOf(id) });
  }

  /**
   * Lists the polls of a team or of the tenant, newest first. Open polls come without ballots.
   * Needs `team:read`.
   */
  async list({ team, limit }: { team?: string; limit?: number } = {}): Promise<Result<Poll[]>> {
    const values = present({ team_id: team && idOf(team), page_limit: limit });
    const answer = await this.#link.rpc("list_polls", values, list(pollRow));
    return answer.error ? answer : ok(answer.data.map(toPoll));
  }

  async #call(
    name: "open_poll" | "cast_ballot" | "get_poll" | "cancel_poll",
    values: Record<string, unknown>,
  ): Promise<Result<Poll>> {
    const answer = await this.#link.rpc(name, values, pollRow);
    return answer.error ? answer : ok(toPoll(answer.data));
  }
}
