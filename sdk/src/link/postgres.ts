import postgres, { type Sql } from "postgres";
import { type Identity, identify } from "./postgres-claims.ts";
import { answerOf } from "./postgres-errors.ts";
import { Functions, statementOf, type Target } from "./postgres-functions.ts";
import { PostgresPool } from "./postgres-pool.ts";
import { PostgresTopics } from "./postgres-topics.ts";
import type { Topic, TopicListener } from "./topic.ts";
import type { Answer, Caller, Transport } from "./transport.ts";

export type { Transport } from "./transport.ts";

/** Connections of a transport. */
export interface PostgresOptions {
  /**
   * How many connections to use at the same time, 10 by default. One more is open while somebody listens to a
   * topic.
   */
  max?: number;
  /**
   * How to use TLS, as in the driver: true, `require`, `verify-full`, or options for `tls.connect`.
   */
  ssl?: boolean | "require" | "verify-full" | object;
}

/** Settings of the Data API's roles that limit how long a call may take. */
const bounds = ["statement_timeout", "lock_timeout"];

/**
 * Calls the database's functions over this process's own connections, and receives broadcasts of
 * the database with LISTEN. It is for long-lived Node workers next to the database. Each call runs
 * in its own transaction, as the caller, with the claims that the Data API would set.
 *
 * Anyone who has the URL can do more than with the secret key, so give it only to processes that may have
 * that power.
 *
 * @example
 * const transport = new PostgresTransport(databaseUrl);
 * const beside = new Mayfly({ url, key, tenant, transport });
 * // …
 * await beside.close();
 * await transport.close();
 */
export class PostgresTransport implements Transport {
  readonly #pool: PostgresPool;
  readonly #ear: Sql;
  readonly #functions: Functions;
  readonly #topics: PostgresTopics;
  #bounds: Promise<Map<string, [string, string][]>> | undefined;

  /**
   * @param url the database's URL, for a direct connection or the pooler's session mode, because LISTEN needs
   * a connection of its own.
   */
  constructor(url: string, { max = 10, ssl }: PostgresOptions = {}) {
    const options = {
      ...(ssl !== undefined && { ssl: ssl as never }),
      onnotice: () => {},
      fetch_types: false,
      connection: { application_name: "mayfly" },
    };
    this.#pool = new PostgresPool(url, max, options);
    this.#ear = postgres(url, options);
    this.#functions = new Functions(this.#pool);
    this.#topics = new PostgresTopics(this.#pool, this.#ear, (caller, topic) =>
      this.#mayUse(caller, topic),
    );
  }

  /** @internal */
  async call(caller: Caller, name: string, args: object): Promise<Answer> {
    try {
      const identity = await identify(caller);
      if ("status" in identity) return identity;
      const given = Object.entries(args).filter(([, value]) => value !== undefined);
      const names = given.map(([key]) => key);
      const target = await this.#functions.find(name, names);
      if ("status" in target) return target;
      const body = await this.#run(caller, identity, target, JSON.stringify(args));
      return { data: JSON.parse(body), error: null, status: target.nothing ? 204 : 200 };
    } catch (error) {
      const answer = answerOf(error);
      // An upgrade may have replaced the function.
      if (/^(42883|42804|42P13|0A000)$/.test(String(Object(answer.error).code)))
        this.#functions.forget();
      return answer;
    }
  }

  /** @internal */
  join(caller: Caller, topic: string, listener: TopicListener): Topic | undefined {
    return this.#topics.join(caller, topic, listener);
  }

  /** Closes every connection. Waits up to 5 s for running calls. */
  async close(): Promise<void> {
    await this.#topics.close();
    await Promise.all([this.#pool.end({ timeout: 5 }), this.#ear.end({ timeout: 5 })]);
  }

  /** `await using transport = …` closes it at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(caller: Caller, as: Identity, target: Target, json: string): Promise<string> {
    const [row] = await this.#transaction(caller, as, {
      path: `/rpc/${target.name}`,
      reads: target.reads,
      text: statementOf(target, as.role),
      value: json,
    });
    if (!row) throw new Error("the transaction was not the caller's");
    return row.body;
  }

  /** Whether the caller may listen to a topic. Realtime makes the same check when a topic is joined. */
  async #mayUse(caller: Caller, topic: string): Promise<boolean | Answer> {
    try {
      const as = await identify(caller);
      if ("status" in as) return as;
      if (as.role === "service_role") return true;
      const text = `select mayfly_private.may_use_topic($1::text, 'broadcast', false)::text as body where current_user = '${as.role}'`;
      const asked = { path: "/", reads: true, text, value: topic };
      const [row] = await this.#transaction(caller, as, asked);
      return row?.body === "true";
    } catch (error) {
      const answer = answerOf(error);
      return Object(answer.error).code === "42501" ? false : answer;
    }
  }

  /**
   * Runs a transaction in one round trip. The parts are sent without waiting for answers, and each part runs
   * only if the one before it succeeded.
   */
  async #transaction(
    { tenant }: Caller,
    { role, claims }: Identity,
    asked: { path: string; reads: boolean; text: string; value: string },
  ): Promise<{ body: string }[]> {
    this.#bounds ??= this.#readBounds();
    const settings: [string, string][] = [
      ["request.jwt.claims", claims],
      ["request.headers", JSON.stringify(tenant ? { "x-mayfly-tenant": tenant } : {})],
      ["request.method", "POST"],
      ["request.path", asked.path],
      // A worker that sleeps is woken by NOTIFY, and needs no broadcast by Realtime.
      ["mayfly.notified", "on"],
      ...((await this.#bounds).get(role) ?? []),
      ["role", role],
    ];
    const set = settings.map((_, at) => `set_config($${2 * at + 1}, $${2 * at + 2}, true)`);
    return this.#pool.use(async (connection) => {
      const prepare = { prepare: true };
      const parts = await Promise.allSettled([
        connection.unsafe(asked.reads ? "begin read only" : "begin", [], prepare).execute(),
        connection.unsafe(`select ${set.join(", ")}`, settings.flat(), prepare).execute(),
        connection.unsafe<{ body: string }[]>(asked.text, [asked.value], prepare).execute(),
        connection.unsafe("commit", [], prepare).execute(),
      ]);
      const failure = parts.find(({ status }) => status === "rejected");
      if (failure?.status === "rejected") throw failure.reason;
      return parts[2]?.status === "fulfilled" ? [...parts[2].value] : [];
    });
  }

  /**
   * Reads how long a call of each role may take: the role's own setting, or else that of `authenticator`.
   */
  async #readBounds(): Promise<Map<string, [string, string][]>> {
    try {
      const rows = await this.#pool.use(
        (sql) => sql<{ role: string; settings: string[] }[]>`
          select r.rolname as role, coalesce(to_json(r.rolconfig), '[]') as settings from pg_catalog.pg_roles r
          where r.rolname in ('anon', 'authenticated', 'service_role', 'authenticator')`,
      );
      const of = (role: string) =>
        (rows.find((row) => row.role === role)?.settings ?? []).flatMap((setting) => {
          const at = setting.indexOf("=");
          const name = setting.slice(0, at);
          return bounds.includes(name) ? [[name, setting.slice(at + 1)] as [string, string]] : [];
        });
      const shared = of("authenticator");
      return new Map(
        rows.map(({ role }) => [role, [...new Map([...shared, ...of(role)]).entries()]]),
      );
    } catch (error) {
      this.#bounds = undefined;
      throw error;
    }
  }
}
