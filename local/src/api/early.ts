/**
 * Sends broadcasts before their commit is visible, as hosted projects sometimes do. A hosted
 * Realtime reads the write-ahead log, so a broadcast can arrive before a new transaction sees the
 * row that caused it. In 3,464 measured cases, 370 were early, by up to 69 ms. A Realtime that
 * learns of messages by NOTIFY, as this one does, would never be early. So here the Data API passes
 * to Realtime the messages that a request has put into realtime.messages, waits, and only then
 * commits.
 */
import type { Sql } from "postgres";
import type { Hold, Holds } from "../db/holds.ts";
import type { StoredMessage } from "../realtime/index.ts";

export interface EarlyOptions {
  /** The most milliseconds between the broadcast and the commit. */
  leadMs: number;
  /**
   * On PGlite, lets other transactions run while a held transaction waits. Undefined for Postgres,
   * which can do this itself.
   */
  holds: Holds | undefined;
  /** Whether anyone listens to the topic of one of these messages. */
  heard(messages: StoredMessage[]): boolean;
  deliver(messages: StoredMessage[]): void;
}

/** Ends a transaction whose work is done. Await the returned promise without the connection. */
export type Commit = (connection: Sql) => Promise<(() => Promise<void>) | undefined>;

export const plainCommit: Commit = async (connection) => {
  await connection.unsafe("commit");
  return undefined;
};

const maxRuns = 20;

export class Early {
  /**
   * SQL at the opening of each transaction. Because of it, the database keeps the transaction's
   * broadcasts for this class.
   */
  readonly opening = "select set_config('_realtime.early', 'on', true)";
  readonly #options: EarlyOptions;

  constructor(options: EarlyOptions) {
    this.#options = options;
  }

  /**
   * Runs a transaction. The transaction runs again if a held transaction blocks it, or if it cannot
   * be held itself.
   */
  async run<T>(transaction: (commit: Commit) => Promise<T>): Promise<T> {
    const { holds } = this.#options;
    let mayHold = true;
    for (let run = 1; ; run++) {
      let preparing = false;
      const commit: Commit = (connection) =>
        this.#commit(connection, mayHold, (isOn) => {
          preparing = isOn;
        });
      try {
        return await transaction(commit);
      } catch (error) {
        if (!holds || run === maxRuns) throw error;
        // A transaction with temporary tables or NOTIFY cannot be prepared.
        if (preparing && codeOf(error) === "0A000") mayHold = false;
        else if (codeOf(error) === "57014") await holds.settle();
        else throw error;
      }
    }
  }

  async #commit(
    connection: Sql,
    mayHold: boolean,
    preparing: (isOn: boolean) => void,
  ): Promise<(() => Promise<void>) | undefined> {
    const { holds, heard, deliver, leadMs } = this.#options;
    const messages = await takeMessages(connection);
    const wanted = mayHold && messages.length > 0 && heard(messages);
    const hold = wanted ? holds?.take() : undefined;
    if (hold) {
      preparing(true);
      await prepare(connection, hold);
      preparing(false);
      deliver(messages);
      return () => hold.endAfter(Math.random() * leadMs);
    }
    // From here on, only a crash or a lost connection can prevent the commit.
    if (wanted && !holds) {
      deliver(messages);
      // Wait in the database. If the connection ends meanwhile, this statement fails. An idle
      // connection would not fail, and the next write to it would end the process.
      await connection.unsafe("select pg_sleep($1)", [(Math.random() * leadMs) / 1_000]);
      return plainCommit(connection);
    }
    await plainCommit(connection);
    deliver(messages);
    return undefined;
  }
}

async function prepare(connection: Sql, hold: Hold): Promise<void> {
  try {
    await connection.unsafe(`prepare transaction '${hold.gid}'`);
  } catch (error) {
    hold.prepared(false);
    throw error;
  }
  hold.prepared(true);
}

/** The messages of the transaction, once no deferred constraint can fail any more. */
async function takeMessages(connection: Sql): Promise<StoredMessage[]> {
  // Both statements are sent at once, so there are two results. The messages are in the second result.
  const results: unknown = await connection.unsafe(
    "set constraints all immediate; select _realtime.early_messages() as messages",
  );
  const [row] = (results as { messages: string }[][])[1] ?? [];
  const found = JSON.parse(row?.messages ?? "[]") as (Omit<StoredMessage, "binary"> & {
    binary: string | null;
  })[];
  return found.map((message) => ({
    ...message,
    binary: message.binary === null ? null : Buffer.from(message.binary, "hex"),
  }));
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : "";
