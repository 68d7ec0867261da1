import { v4 as uuidv4 } from "uuid";
import { list, row, text, texts, value, withId } from "../contract/answer-form.ts";
import {
  type DebugBatch,
  type DebugCategory,
  debugTopic,
  levelOf,
  newcomersTopic,
} from "../contract/debug.ts";
import { failed, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import { problemOfDate } from "../contract/storable.ts";
import { fromDataApi } from "../link/call.ts";
import type { Link } from "../link/link.ts";
import { Backoff } from "../link/retry.ts";
import { attempt, report } from "../link/safe-callback.ts";
import type { Topic } from "../link/topic.ts";
import type { Log } from "../log/log.ts";
import { badSince, notAllowed, stopped, tooMany } from "./errors.ts";
import { type DebugRecord, readKept, toRecord } from "./record.ts";
import { StreamPosition } from "./stream-position.ts";
import type { DebugHandler, DebugWatch, DebugWatchOptions } from "./watch-types.ts";

/** How many topics to join. A connection has 100 channels, and the log and other parts need some. */
const maxTopics = 90;
const leaseSeconds = 60;
const renewMs = 35_000;
/** A lease lasts long enough for a few tries. */
const retrying = { firstMs: 5_000, maxMs: renewMs };
/** The time between pulls after an agent has started or ended: another one may start soon. */
const followMs = 100;
/** An agent's last records may arrive after the news of its end. */
const lingerMs = 2_000;
/** How many of the newest stored records to remember, because they may also have arrived live. */
const overlapRecords = 10_000;

interface Followed {
  topic: Topic;
  position: StreamPosition;
}

/**
 * Watches debug streams. It leases a level, follows which agents come and go, and delivers records
 * in order.
 */
export class DebugWatcher implements DebugWatch {
  readonly #link: Link;
  readonly #tenant: string;
  readonly #options: DebugWatchOptions;
  readonly #handler: DebugHandler;
  readonly #lease = uuidv4();
  readonly #followed = new Map<string, Followed>();
  readonly #leaving = new Set<ReturnType<typeof setTimeout>>();
  #level: number;
  #categories: DebugCategory[] | undefined;
  /** Records that arrive live while stored ones are read. */
  #waiting: DebugRecord[] | null = null;
  readonly #backoff = new Backoff(retrying);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #newcomers: Topic | undefined;
  #stopLog: () => Promise<void> = () => Promise.resolve();
  #stopped = false;

  constructor(link: Link, tenant: string, options: DebugWatchOptions, handler: DebugHandler) {
    this.#link = link;
    this.#tenant = tenant;
    this.#options = { ...options, ...(options.agent && { agent: idOf(options.agent) }) };
    this.#handler = handler;
    this.#level = levelOf(options.level ?? 2);
    this.#categories = options.categories;
  }

  get agents(): number {
    return this.#followed.size;
  }

  async start(log: Log): Promise<Result<DebugWatch>> {
    const unfit = problemOfDate(this.#options.since);
    if (unfit) return failed(badSince(unfit));
    if (this.#options.since) this.#waiting = [];
    // Check first, because a refused join takes 5 s. A lease before the join would let agents start
    // sending before anybody listens.
    const allowed = await this.#check();
    const joined = allowed.error ? allowed : await this.#follow(log);
    const leased = joined.error ? joined : await this.#lend();
    if (leased.error) {
      await this.stop();
      return failed(leased.error);
    }
    this.#planRenewal(renewMs);
    if (this.#options.since) {
      const read = await this.#readSince(this.#options.since);
      if (read.error) {
        await this.stop();
        return failed(read.error);
      }
    }
    return ok(this);
  }

  async change({
    level,
    categories,
  }: Pick<DebugWatchOptions, "level" | "categories">): Promise<Result<null>> {
    if (this.#stopped) return failed(stopped());
    const [formerLevel, formerCategories] = [this.#level, this.#categories];
    if (level !== undefined) this.#level = levelOf(level);
    if (categories !== undefined) this.#categories = categories;
    const lent = await this.#lend();
    if (lent.error) [this.#level, this.#categories] = [formerLevel, formerCategories];
    return lent;
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    for (const timer of [this.#timer, ...this.#leaving]) clearTimeout(timer);
    const left = [...this.#followed.values()].map(({ topic }) => topic.leave());
    this.#followed.clear();
    const release = this.#link.rpc("release_debug", { lease: this.#lease }, value);
    await Promise.all([...left, this.#newcomers?.leave(), release, this.#stopLog()]);
  }

  async #check(): Promise<Result<null>> {
    const answer = await this.#link.rpc("tenant_ids", { scope: "debug:read" }, texts);
    if (answer.error) return answer;
    return answer.data.includes(this.#tenant) ? ok(null) : failed(notAllowed());
  }

  async #lend(): Promise<Result<null>> {
    const { agent } = this.#options;
    const answer = await this.#link.rpc(
      "lease_debug",
      {
        level: this.#level,
        lease: this.#lease,
        seconds: leaseSeconds,
        ...(agent && { for_agent: agent }),
        ...(this.#categories && { categories: this.#categories }),
      },
      row<{ lease: string }>({ lease: text }),
    );
    return answer.error ? answer : ok(null);
  }

  #planRenewal(ms: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      void this.#lend().then(({ error }) => {
        if (error) this.#tell(error);
        if (!error) this.#backoff.reset();
        this.#planRenewal(error ? (this.#backoff.next(error) ?? renewMs) : renewMs);
      });
    }, ms);
  }

  async #follow(log: Log): Promise<Result<null>> {
    const { agent, onError } = this.#options;
    if (agent) return this.#join(agent).ready;
    // Watch the log first, so that no agent that starts during the listing below is missed.
    const watch = await log.watch(
      { types: ["agent.*"], followMs, ...(onError && { onError }) },
      ({ events, snapshot }) => {
        for (const { type, subject } of events) {
          if (!subject) continue;
          if (type === "agent.spawned" || type === "agent.resumed") this.#join(subject, true);
          if (type === "agent.stopped" || type === "agent.expired") this.#leaveSoon(subject);
        }
        if (snapshot) void this.#joinLiving();
      },
    );
    if (watch.error) return failed(watch.error);
    this.#stopLog = () => watch.data.stop();
    this.#newcomers = this.#link.topics.join(newcomersTopic(this.#tenant), {
      onMessage: (event, { agents }) => {
        if (event !== "spawned" || !Array.isArray(agents)) return;
        for (const id of agents) if (typeof id === "string") this.#join(id, true);
      },
    });
    const joined = await this.#joinLiving();
    if (joined.error) return joined;
    await Promise.all([this.#newcomers, ...joined.data].map(async ({ ready }) => ready));
    return ok(null);
  }

  async #joinLiving(): Promise<Result<Topic[]>> {
    const { data, error } = fromDataApi(
      await this.#link.client
        .from("agents")
        .select("id")
        .eq("tenant_id", this.#tenant)
        .in("status", ["running", "suspended"])
        // The database compares this with its own clock.
        .gt("expires_at", "now")
        .order("spawned_at", { ascending: false })
        .limit(maxTopics + 1),
      list(withId),
    );
    if (error) return failed(error);
    const topics: Topic[] = [];
    for (const { id } of data) {
      if (this.#hasRoom(id)) topics.push(this.#join(id));
    }
    return ok(topics);
  }

  #hasRoom(id: string): boolean {
    if (this.#followed.has(id) || this.#followed.size < maxTopics) return true;
    this.#tell(tooMany(id, maxTopics));
    return false;
  }

  /** @param fresh whether it receives the stream from the start. */
  #join(id: string, fresh = false): Topic {
    const known = this.#followed.get(id);
    if (known) return known.topic;
    if (this.#stopped || !this.#hasRoom(id)) return notJoined;
    const topic = this.#link.topics.join(debugTopic(this.#tenant, id), {
      onMessage: (event, payload) => {
        if (event === "records") this.#take(id, payload as unknown as DebugBatch);
      },
      onError: (error) => this.#tell(error),
    });
    this.#followed.set(id, { topic, position: new StreamPosition(fresh) });
    return topic;
  }

  #leaveSoon(id: string): void {
    const timer = setTimeout(() => {
      this.#leaving.delete(timer);
      const followed = this.#followed.get(id);
      this.#followed.delete(id);
      void followed?.topic.leave();
    }, lingerMs);
    this.#leaving.add(timer);
    (timer as { unref?: () => void }).unref?.();
  }

  #take(id: string, batch: DebugBatch): void {
    const taken = this.#followed.get(id)?.position.take(batch);
    if (!taken) return;
    let { missing } = taken;
    for (const row of taken.rows) {
      if (row.level > this.#level || !(this.#categories?.includes(row.category) ?? true)) continue;
      this.#hand(toRecord(id, row, missing));
      missing = 0;
    }
  }

  #hand(record: DebugRecord): void {
    if (this.#stopped) return;
    if (this.#waiting) this.#waiting.push(record);
    else this.#handle(record);
  }

  #handle(record: DebugRecord): void {
    if (this.#stopped) return;
    attempt(
      () => this.#handler(record),
      (error) => report(this.#options.onError, "A handler of debug records", error),
    );
  }

  /** Delivers first the stored records, then those that arrived meanwhile. */
  async #readSince(since: Date): Promise<Result<null>> {
    const seen = new Set<string>();
    const { agent } = this.#options;
    const kept = {
      tenant: this.#tenant,
      agent,
      level: this.#level,
      categories: this.#categories,
      since,
    };
    const read = await readKept(this.#link, kept, (record) => {
      seen.add(record.id);
      const [oldest] = seen;
      if (seen.size > overlapRecords && oldest !== undefined) seen.delete(oldest);
      this.#handle(record);
    });
    if (read.error) return read;
    const live = this.#waiting ?? [];
    this.#waiting = null;
    for (const record of live) if (!seen.has(record.id)) this.#handle(record);
    return ok(null);
  }

  #tell(error: unknown): void {
    const { onError } = this.#options;
    if (onError) report(onError, "A watch of debug records", error);
  }
}

/** Stands for a topic that was not joined because there was no room left. */
const notJoined: Topic = {
  joined: false,
  ready: Promise.resolve(ok(null)),
  send: () => Promise.resolve(ok(null)),
  leave: () => Promise.resolve(),
};
