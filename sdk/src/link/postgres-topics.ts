import type { Sql } from "postgres";
import { failed, type MayflyError, ok, type Result } from "../contract/errors.ts";
import { answerOf } from "./postgres-errors.ts";
import type { PostgresPool } from "./postgres-pool.ts";
import { refusalOfDataApi } from "./refusals.ts";
import { Backoff, Pause } from "./retry.ts";
import type { Topic, TopicListener } from "./topic.ts";
import { explain, left, refused } from "./topic-errors.ts";
import type { Answer, Caller } from "./transport.ts";

/**
 * Only the database broadcasts on topics of these kinds: tenant:{t}:{kind} and tenant:{t}:{kind}:{part}.
 */
const kinds = ["log", "people", "agent", "channel", "jobs"];
/** How often leases are renewed. A lease lasts 90 s. */
const renewMs = 30_000;

type MayUse = (caller: Caller, topic: string) => Promise<boolean | Answer>;

/** The broadcasts of the database for one tenant. */
interface Channel {
  readonly members: Set<Member>;
  /** Whether broadcasts arrive: the connection listens, and the tenant's lease is held. */
  flowing: boolean;
  /** Resolves when the connection first listens to this channel. */
  readonly listening: Promise<unknown>;
  unlisten(): Promise<unknown>;
}

/**
 * The topics of a transport. One connection receives all broadcasts. It holds a lease for each tenant that
 * somebody listens to.
 */
export class PostgresTopics {
  readonly #pool: PostgresPool;
  readonly #ear: Sql;
  readonly #mayUse: MayUse;
  readonly #channels = new Map<string, Channel>();
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * @param ear opens the connection that listens.
   * @param mayUse says whether a caller may listen to a topic.
   */
  constructor(pool: PostgresPool, ear: Sql, mayUse: MayUse) {
    this.#pool = pool;
    this.#ear = ear;
    this.#mayUse = mayUse;
  }

  join(caller: Caller, topic: string, listener: TopicListener): Topic | undefined {
    const [, tenant = "", kind = ""] = topic.split(":");
    if (!kinds.includes(kind)) return undefined;
    const member = new Member(topic, listener, {
      mayUse: () => this.#mayUse(caller, topic),
      enter: () => this.#enter(tenant, member),
      leave: () => this.#leave(tenant, member),
    });
    return member;
  }

  async close(): Promise<void> {
    const members = [...this.#channels.values()].flatMap(({ members }) => [...members]);
    await Promise.all(members.map((member) => member.leave()));
    clearInterval(this.#timer);
  }

  async #enter(tenant: string, member: Member): Promise<void> {
    const channel = this.#channels.get(tenant) ?? this.#open(tenant);
    channel.members.add(member);
    await channel.listening;
    if (channel.flowing) member.flows(true);
  }

  #open(tenant: string): Channel {
    const members = new Set<Member>();
    const listening = this.#ear.listen(
      `mayfly:${tenant}`,
      (text) => {
        const { topic, event, payload } = JSON.parse(text) as Told;
        for (const member of members) member.hears(topic, event, payload);
      },
      // Called when the connection first listens, and whenever it is back. Broadcasts in between were missed.
      () => void this.#lease([tenant], true),
    );
    const channel: Channel = {
      members,
      flowing: false,
      listening: listening.catch((error: unknown) => {
        if (this.#channels.get(tenant) === channel) this.#channels.delete(tenant);
        throw error;
      }),
      unlisten: async () => (await listening).unlisten(),
    };
    this.#channels.set(tenant, channel);
    this.#timer ??= setInterval(() => void this.#lease([...this.#channels.keys()]), renewMs);
    (this.#timer as { unref?: () => void }).unref?.();
    return channel;
  }

  async #leave(tenant: string, member: Member): Promise<void> {
    const channel = this.#channels.get(tenant);
    if (!channel?.members.delete(member) || channel.members.size > 0) return;
    this.#channels.delete(tenant);
    if (this.#channels.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    await channel.unlisten().catch(() => {});
  }

  /**
   * Renews the leases, and tells listeners whether broadcasts reach them.
   *
   * @param reconnected whether the connection is new, so events may have been missed.
   */
  async #lease(tenants: string[], reconnected = false): Promise<void> {
    let leased: string[] = [];
    let why: MayflyError | null = null;
    try {
      const [row] = await this.#pool.use(
        (sql) => sql<{ leased: string[] }[]>`
          select to_json(mayfly_private.listen_by_postgres(${`{${tenants}}`}::text::uuid[])) as leased`,
      );
      leased = row?.leased ?? [];
    } catch (error) {
      const answer = answerOf(error);
      why = refusalOfDataApi(answer.error, answer.status, "the database");
    }
    for (const tenant of tenants) {
      const channel = this.#channels.get(tenant);
      if (!channel) continue;
      const flowing = leased.includes(tenant);
      const changed = reconnected || flowing !== channel.flowing;
      channel.flowing = flowing;
      for (const member of channel.members) {
        if (why) member.fails(why);
        if (changed) member.flows(flowing);
      }
    }
  }
}

interface Told {
  topic: string;
  event: string;
  payload: Record<string, unknown>;
}

interface MemberWay {
  mayUse(): Promise<boolean | Answer>;
  enter(): Promise<void>;
  leave(): Promise<void>;
}

/** A listener of one topic. */
class Member implements Topic {
  readonly #topic: string;
  readonly #listener: TopicListener;
  readonly #way: MemberWay;
  readonly #pause = new Pause();
  #joined = false;
  #settle: (result: Result<null>) => void = () => {};
  readonly ready: Promise<Result<null>>;

  constructor(topic: string, listener: TopicListener, way: MemberWay) {
    this.#topic = topic;
    this.#listener = listener;
    this.#way = way;
    this.ready = new Promise((resolve) => {
      this.#settle = resolve;
    });
    void this.#join();
  }

  get joined(): boolean {
    return this.#joined;
  }

  hears(topic: string, event: string, payload: Record<string, unknown>): void {
    if (topic === this.#topic && this.#joined) this.#listener.onMessage?.(event, payload);
  }

  flows(flowing: boolean): void {
    this.#joined = flowing;
    if (flowing) this.#settle(ok(null));
    this.#listener.onJoined?.(flowing);
  }

  fails(why: MayflyError): void {
    this.#settle(failed(why));
    if (!this.#pause.ended) this.#listener.onError?.(why);
  }

  /** Always fails, because only the database sends to these topics. */
  async send(): Promise<Result<null>> {
    return failed(refused(this.#topic, "only the database broadcasts there"));
  }

  async leave(): Promise<void> {
    this.#pause.end();
    this.#joined = false;
    this.#settle(failed(left(this.#topic)));
    await this.#way.leave();
  }

  async #join(): Promise<void> {
    const backoff = new Backoff({ firstMs: 1_000, maxMs: 60_000 });
    while (!this.#pause.ended) {
      const why = await this.#try();
      if (!why) return;
      this.fails(why);
      await this.#pause.sleep(backoff.next(why) ?? 0);
    }
  }

  async #try(): Promise<MayflyError | null> {
    const allowed = await this.#way.mayUse();
    if (allowed === false) return explain(this.#topic, "Unauthorized");
    if (allowed !== true) return refusalOfDataApi(allowed.error, allowed.status, "the database");
    if (this.#pause.ended) return null;
    try {
      await this.#way.enter();
      if (this.#pause.ended) await this.#way.leave();
      return null;
    } catch (error) {
      const { error: cause, status } = answerOf(error);
      return refusalOfDataApi(cause, status, "the database");
    }
  }
}
