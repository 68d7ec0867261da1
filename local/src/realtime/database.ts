import postgres from "postgres";
import type { Logger } from "../log.ts";
import { Inbox } from "./inbox.ts";
import { listen } from "./listener.ts";

/** A row of realtime.messages that can be delivered, because it has a JSON object or bytes. */
export interface StoredMessage {
  id: string;
  topic: string;
  event: string;
  private: boolean;
  /** JSON text. */
  payload: string | null;
  binary: Buffer | null;
}

/** The identity whose permissions are needed. */
export interface Identity {
  role: string;
  claims: Record<string, unknown>;
  headers: Record<string, string>;
}

export interface Permissions {
  broadcast: boolean;
  presence: boolean;
}

export interface Database {
  /** What the policies on realtime.messages let the identity read or write on the topic. */
  authorize(
    wanted: "read" | "write",
    topic: string,
    identity: Identity,
    withPresence: boolean,
  ): Promise<Permissions>;
  /** The newest private messages since a time, oldest first. */
  replay(topic: string, since: number, limit: number): Promise<StoredMessage[]>;
  /** Whether inserted messages reach the server. */
  readonly listening: boolean;
  /** Resolves when it is listening. */
  untilListening(): Promise<void>;
  close(): Promise<void>;
}

/** realtime.messages has no partition for today, so its policies cannot be tested with a row. */
export class MissingPartition extends Error {
  override readonly name = "MissingPartition";

  constructor() {
    super("Realtime was unable to find the expected messages partition");
  }
}

const hour = 3_600_000;

/** Connects as supabase_admin, and passes on inserted messages in the order of their commits. */
export async function openDatabase(
  url: string,
  log: Logger,
  onMessages: (messages: StoredMessage[]) => void,
): Promise<Database> {
  const sql = postgres(url, {
    max: 2,
    onnotice: () => {},
    connection: { application_name: "realtime" },
  });
  const columns = sql`id, topic, coalesce(event, '') as event, coalesce(private, false) as private,
    payload::text as payload, binary_payload as binary`;
  let closed = false;

  const inbox = new Inbox(async ({ ids, from, to }) => {
    if (closed) return;
    // The range of times lets Postgres skip partitions, which the ids alone would not.
    const rows = await sql<StoredMessage[]>`
      select ${columns} from realtime.messages
      where id = any(${ids}::uuid[])
        and inserted_at between ${from}::text::timestamp and ${to}::text::timestamp
        and (jsonb_typeof(payload) = 'object' or binary_payload is not null)`;
    const byId = new Map(rows.map((row) => [row.id, row]));
    onMessages(ids.flatMap((id) => byId.get(id) ?? []));
  }, log);

  const announce = (payload: string) => inbox.announce(payload);
  const listener = await sql`select _realtime.maintain_partitions()`
    .then(() => listen(url, "realtime_messages", announce, log))
    .catch(async (error: unknown) => {
      await sql.end({ timeout: 1 });
      throw error;
    });
  const upkeep = setInterval(() => {
    sql`select _realtime.maintain_partitions()`.catch((error: unknown) =>
      log.warn("The partitions of realtime.messages could not be kept.", {
        problem: String(error),
      }),
    );
  }, hour);
  upkeep.unref();

  return {
    get listening() {
      return listener.listening;
    },
    untilListening: () => listener.ready,

    async authorize(wanted, topic, { role, claims, headers }, withPresence) {
      const [row] = await sql<(Permissions & { problem: string | null })[]>`
        select * from _realtime.authorize(
          ${wanted}, ${topic}, ${role}, ${JSON.stringify(claims)}, ${JSON.stringify(headers)},
          ${withPresence})`;
      if (row?.problem?.startsWith("no partition of relation")) throw new MissingPartition();
      if (row?.problem)
        log.warn("A policy on realtime.messages failed.", { topic, role, problem: row.problem });
      return { broadcast: row?.broadcast ?? false, presence: row?.presence ?? false };
    },

    async replay(topic, since, limit) {
      const rows = await sql<StoredMessage[]>`
        select ${columns} from realtime.messages
        where topic = ${topic} and private and extension = 'broadcast'
          and inserted_at >= timezone('utc', to_timestamp(${since / 1000}::float8))
          and inserted_at >= timezone('utc', now()) - interval '72 hours'
        order by inserted_at desc limit ${limit}`;
      return [...rows].reverse();
    },

    async close() {
      closed = true;
      clearInterval(upkeep);
      await Promise.all([listener.close(), sql.end({ timeout: 1 })]);
    },
  };
}
