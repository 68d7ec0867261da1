import type { z } from "zod";
import type { Database } from "../contract/database.types.ts";
import { ok, type Result } from "../contract/errors.ts";
import type { Link } from "../link/link.ts";
import { noteCall } from "./notes.ts";

type Functions = Database["mayfly"]["Functions"];

/**
 * Calls about the states of one owner. If the owner is null, about the shared states. Each call is
 * noted in the debug stream.
 */
export class StateCalls {
  readonly #link: Link;
  readonly #owner: { of_agent?: string };

  constructor(link: Link, owner: string | null) {
    this.#link = link;
    this.#owner = owner === null ? {} : { of_agent: owner };
  }

  async call<Answer, T>(
    name: keyof Functions & string,
    given: Record<string, unknown>,
    form: z.ZodType<Answer>,
    take: (answer: Answer) => T,
  ): Promise<Result<T>> {
    const began = performance.now();
    const answer = await this.#link.rpc(name, { ...given, ...this.#owner }, form);
    noteCall(this.#link.note, name, given, this.#owner, answer, performance.now() - began);
    return answer.error ? answer : ok(take(answer.data));
  }
}
