import postgres from "postgres";
import type { Logger } from "../log.ts";
import { parseJson } from "./json.ts";

/** A row of realtime.messages that can be delivered: it has a JSON object or bytes. */
export interface StoredMessage {
  id: string;
  topic: string;
  event: string;
  private: boolean;
  /** JSON text. */
  payload: string | null;
  binary: Buffer | null;
}

/** Whose permissions are asked for. */
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
  /** The newest private messages since then, oldest first. */
  replay(topic: string, since: number, limit: number): Promise<StoredMessage[]>;
  /** Whether inserted messages reach the server. */
  readonly listening: boolean;
  /** Resolves when it is listening. */
  untilListening(): Promise<void>;
  close(): Promise<void>;
}

const channel = "realtime_messages";
const maxWaiting = 10_000;
const perQuery = 500;
const hour = 3_600_000;

interface Inserted {
  ids: string[];
  from: string;
  to: string;
}

/** Connects as supabase_admin, and hands over inserted messages in the order of their commits. */
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
  let listening = false;
  let closed = false;
  let heard: (() => void) | undefined;
  const ready = new Promise<void>((resolve) => {
    heard = resolve;
  });

  const waiting: Inserted[] = [];
  let waitingIds = 0;
  let reading = false;

  async function read(): Promise<void> {
    if (reading) return;
    reading = true;
    while (waiting.length > 0 && !closed) {
      const batch = takeBatch(waiting);
      const ids = batch.flatMap((one) => one.ids);
      waitingIds -= ids.length;
      try {
        onMessages(await fetchMessages(ids, batch));
      } catch (error) {
        if (!closed) log.warn("Database broadcasts were lost.", { problem: String(error) });
      }
    }
    reading = false;
  }

  async function fetchMessages(ids: string[], batch: Inserted[]): Promise<StoredMessage[]> {
    const from = batch.map((one) => one.from).sort()[0] ?? "";
    const to =
      batch
        .map((one) => one.to)
        .sort()
        .at(-1) ?? "";
    // The range prunes partitions: the primary key begins with the id.
    const rows = await sql<StoredMessage[]>`
      select ${columns} from realtime.messages
      where id = any(${ids}::uuid[])
        and inserted_at between ${from}::text::timestamp and ${to}::text::timestamp
        and (jsonb_typeof(payload) = 'object' or binary_payload is not null)`;
    const byId = new Map(rows.map((row) => [row.id, row]));
    return ids.flatMap((id) => byId.get(id) ?? []);
  }

  function onNotification(text: string): void {
    const inserted = parseJson(text) as unknown as Inserted | undefined;
    if (!inserted) return;
    if (waitingIds + inserted.ids.length > maxWaiting) {
      log.warn("Database broadcasts come faster than they are read; some are dropped.");
      return;
    }
    waiting.push(inserted);
    waitingIds += inserted.ids.length;
    void read();
  }

  await sql`select _realtime.maintain_partitions()`;
  await sql.listen(channel, onNotification, () => {
    listening = true;
    heard?.();
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
      return listening && !closed;
    },
    untilListening: () => ready,

    async authorize(wanted, topic, { role, claims, headers }, withPresence) {
      const [row] = await sql<(Permissions & { problem: string | null })[]>`
        select * from _realtime.authorize(
          ${wanted}, ${topic}, ${role}, ${JSON.stringify(claims)}, ${JSON.stringify(headers)},
          ${withPresence})`;
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
      await sql.end({ timeout: 2 });
    },
  };
}

function takeBatch(waiting: Inserted[]): Inserted[] {
  let size = 0;
  const count = waiting.findIndex((one) => {
    size += one.ids.length;
    return size > perQuery;
  });
  return waiting.splice(0, count === -1 ? waiting.length : Math.max(count, 1));
}
