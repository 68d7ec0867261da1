/** The conversations of one agent. Each turn is a run, which continues the run of the turn before. */
import { type RunMessage, toUIMessageStream } from "@mayfly/ai-sdk";
import type { Agentlike, Mayfly, Result, Run } from "@mayfly/sdk";
import { readUIMessageStream } from "ai";

interface Turn {
  /** The id of the person's message. */
  id: string;
  text: string;
  run: string;
}

export class Chats {
  readonly #mayfly: Mayfly;
  readonly #agent: Agentlike;

  constructor(mayfly: Mayfly, agent: Agentlike) {
    this.#mayfly = mayfly;
    this.#agent = agent;
  }

  /** Starts the run of a new turn. If a message is sent again, it gets the same run. */
  async send(chat: string, { id, text }: { id: string; text: string }): Promise<Run> {
    const turns = await this.#turns(chat);
    const known = turns.find((turn) => turn.id === id);
    if (known) return this.#mayfly.runs.open(known.run);
    const run = given(await this.#continue(chat, turns, { id, text }));
    const turn: Turn = { id, text, run: run.id };
    given(
      await this.#mayfly.state.edit(keyOf(chat), [{ op: "append", path: "/turns", value: turn }]),
    );
    return run;
  }

  /** The run of the last turn, whether it has ended or not. */
  async last(chat: string): Promise<Run | null> {
    const turn = (await this.#turns(chat)).at(-1);
    return turn ? this.#mayfly.runs.open(turn.run) : null;
  }

  /** The messages, except for the last answer, which the page resumes as a stream. */
  async history(chat: string): Promise<RunMessage[]> {
    const turns = await this.#turns(chat);
    const said = turns.map(async ({ id, text, run }, at) => [
      { id, role: "user" as const, parts: [{ type: "text" as const, text }] },
      ...(at < turns.length - 1 ? [await this.#answer(run)] : []),
    ]);
    return (await Promise.all(said)).flat();
  }

  /** Ends the run of the last turn. If the page only closed the stream, the run would go on. */
  async stop(chat: string): Promise<void> {
    const run = await this.last(chat);
    if (run) given(await this.#mayfly.runs.cancel(run.id));
  }

  /** The history comes from the database, not from the page: the new run forks the last one that answered. */
  async #continue(chat: string, turns: Turn[], { id, text }: { id: string; text: string }) {
    const { runs } = this.#mayfly;
    for (const { run } of turns.toReversed()) {
      const { steps } = given(await runs.get(run));
      if (steps > 0) return runs.fork(run, { atStep: steps + 1, input: text });
    }
    return runs.start(this.#agent, text, { key: `${chat}/${id}` });
  }

  async #answer(id: string): Promise<RunMessage> {
    let answer: RunMessage = { id, role: "assistant", parts: [] };
    const stream = toUIMessageStream(this.#mayfly.runs.open(id));
    for await (const message of readUIMessageStream<RunMessage>({ stream })) answer = message;
    return answer;
  }

  async #turns(chat: string): Promise<Turn[]> {
    const state = given(await this.#mayfly.state.get<{ turns: Turn[] }>(keyOf(chat)));
    return state?.value.turns ?? [];
  }
}

const keyOf = (chat: string) => `chat:${chat}`;

function given<T>({ data, error }: Result<T>): T {
  if (error) throw error;
  return data as T;
}
