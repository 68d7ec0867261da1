import { flag, ofMember, row } from "../contract/answer-form.ts";
import { ok, type Result } from "../contract/errors.ts";
import type { MemoryKind } from "../contract/schemas.ts";
import type { Link } from "../link/link.ts";
import { behindRow, readAll } from "../link/read-all.ts";
import { type FromRow, fromRow } from "../link/rows.ts";
import { ensuredRow, type TenantRow, tenantRow, type Usage, usage } from "./answers.ts";
import { type ExportOptions, exportTenant } from "./export.ts";
import { type Imported, type ImportOptions, type ImportSource, importTenant } from "./import.ts";
import { type Maintained, type MaintainOptions, maintainTenant } from "./maintain.ts";

/** What a person may do in a tenant, from most to least. */
export type MemberRole = "owner" | "admin" | "member" | "viewer";

/**
 * A tenant, as its members see it.
 *
 * @interface
 */
export type Tenant = FromRow<TenantRow>;

/** A tenant with a name, and whether this call created it. */
export type EnsuredTenant = Tenant & { created: boolean };

/** A rule for memories to forget. All of its conditions must hold. */
export interface RetentionRule {
  /** Seconds since the memory was made. */
  olderThan: number;
  kind?: MemoryKind;
  /** A memory without a reward never matches. */
  belowReward?: number;
}

/** What admins can change about a tenant. Only the project sets quotas: `tenants.setQuotas`. */
export interface TenantSettings {
  name?: string;
  /** The longest time that an agent may live, in seconds. */
  maxLifetime?: number;
  /** How long an agent's token is valid, in seconds. The SDK renews it before it ends. */
  tokenLifetime?: number;
  maxDepth?: number;
  /** The language of its memories, for searching by words. */
  language?: string;
  /**
   * A memory is forgotten if one rule matches. No rules by default. `mayfly.tenants.maintain()` applies them.
   */
  retention?: RetentionRule[];
}

/** How much a tenant may store and do. */
export interface TenantQuotas {
  maxMemories?: number;
  maxBytes?: number;
  writesPerMinute?: number;
  maxLivingAgents?: number;
  spawnsPerMinute?: number;
  /** How long messages are kept after every recipient has acknowledged them, in seconds. */
  messagesKept?: number;
}

/** The tenants to which the caller belongs. */
export class Tenants {
  readonly #link: Link;
  readonly #removeFiles: () => Promise<Result<unknown>>;

  /**
   * @internal
   * @param removeFiles deletes files, which SQL cannot do, before a tenant is erased.
   */
  constructor(link: Link, removeFiles: () => Promise<Result<unknown>>) {
    this.#link = link;
    this.#removeFiles = removeFiles;
  }

  /**
   * Creates a tenant. A person becomes its owner, if the project lets people create tenants. The
   * secret key can name an `owner`.
   */
  async create(tenant: { name: string; owner?: string }): Promise<Result<Tenant>> {
    const answer = await this.#link.rpc("create_tenant", tenant, tenantRow);
    return answer.error ? answer : ok(tenantFromRow(answer.data));
  }

  /**
   * Returns the caller's tenant with this name, and creates it if there is none. Use it in a program that may
   * start many times, even at the same time. If the tenant is renamed, this name still finds it. With the
   * secret key, each `owner` has its own names.
   *
   * @returns the same errors as `create`.
   * @example
   * const { data: acme, error } = await new Mayfly({ url, key }).tenants.ensure("acme");
   * if (error) throw error;
   * const mayfly = new Mayfly({ url, key, tenant: acme.id });
   */
  async ensure(name: string, { owner }: { owner?: string } = {}): Promise<Result<EnsuredTenant>> {
    const given = { name, ...(owner !== undefined && { owner }) };
    const answer = await this.#link.rpc("ensure_tenant", given, ensuredRow);
    if (answer.error) return answer;
    return ok({ ...tenantFromRow(answer.data), created: answer.data.created });
  }

  /** Lists the caller's tenants. With the secret key, all tenants. */
  async list(): Promise<Result<Tenant[]>> {
    const answer = await readAll(tenantRow, (behind, limit) => {
      let query = this.#link.client.from("tenants").select("id, name, created_at");
      if (behind) query = query.or(behindRow(behind));
      return query.order("created_at").order("id").limit(limit);
    });
    return answer.error ? answer : ok(answer.data.map(tenantFromRow));
  }

  /** Changes the current tenant. For its admins and owners. */
  async update(settings: TenantSettings): Promise<Result<Tenant>> {
    const { name, language, maxDepth, maxLifetime, tokenLifetime, retention } = settings;
    const answer = await this.#link.rpc(
      "update_tenant",
      {
        ...(name !== undefined && { name }),
        ...(language !== undefined && { language }),
        ...(maxDepth !== undefined && { max_depth: maxDepth }),
        ...(maxLifetime !== undefined && { max_lifetime: maxLifetime }),
        ...(tokenLifetime !== undefined && { token_lifetime: tokenLifetime }),
        ...(retention && { retention: retention.map(toRule) }),
      },
      tenantRow,
    );
    return answer.error ? answer : ok(tenantFromRow(answer.data));
  }

  /** Sets quotas of the current tenant. Quotas that you leave out stay. For the secret key. */
  async setQuotas(quotas: TenantQuotas): Promise<Result<Tenant>> {
    const answer = await this.#link.rpc(
      "set_quotas",
      {
        ...(quotas.maxMemories !== undefined && { max_memories: quotas.maxMemories }),
        ...(quotas.maxBytes !== undefined && { max_bytes: quotas.maxBytes }),
        ...(quotas.writesPerMinute !== undefined && { writes_per_minute: quotas.writesPerMinute }),
        ...(quotas.maxLivingAgents !== undefined && { max_living_agents: quotas.maxLivingAgents }),
        ...(quotas.spawnsPerMinute !== undefined && { spawns_per_minute: quotas.spawnsPerMinute }),
        ...(quotas.messagesKept !== undefined && { messages_kept: quotas.messagesKept }),
      },
      tenantRow,
    );
    return answer.error ? answer : ok(tenantFromRow(answer.data));
  }

  /** Shows what the tenant uses now, and its limits. */
  async usage(): Promise<Result<Usage>> {
    return await this.#link.rpc("usage", {}, usage);
  }

  /** Leaves the tenant. The last owner has to transfer the tenant first. */
  async leave(): Promise<Result<null>> {
    const answer = await this.#link.rpc("leave_tenant", {}, ofMember);
    return answer.error ? answer : ok(null);
  }

  /** Transfers the tenant to another member, who becomes its owner. The caller becomes an admin. */
  async transfer(userId: string): Promise<Result<null>> {
    const answer = await this.#link.rpc("transfer_tenant", { user_id: userId }, ofMember);
    return answer.error ? answer : ok(null);
  }

  /**
   * Runs maintenance now: forgets memories that have expired or match a retention rule, and deletes what has
   * been kept long enough. With pg_cron this happens each minute.
   *
   * @returns what was done. Errors: `scope_missing` without `memory:write`.
   * @example
   * const { data } = await mayfly.tenants.maintain({
   *   onProgress: ({ forgotten }) => console.log(forgotten),
   * });
   */
  maintain(options: MaintainOptions = {}): Promise<Result<Maintained>> {
    return maintainTenant(this.#link, options);
  }

  /**
   * Exports everything that belongs to the tenant, without secrets, as JSON Lines of `{ table, row }`. The
   * stream holds a page of about 1 MB at a time. If an error occurs later, the stream fails.
   *
   * @returns `scope_missing` without `tenant:write`.
   * @example
   * import { createWriteStream } from "node:fs";
   * import { Writable } from "node:stream";
   * const { data: lines } = await mayfly.tenants.export();
   * await lines?.pipeTo(Writable.toWeb(createWriteStream("tenant.jsonl")));
   */
  export(options: ExportOptions = {}): Promise<Result<ReadableStream<Uint8Array>>> {
    return exportTenant(this.#link, options);
  }

  /**
   * Imports an export, of this project or another, into the current tenant: memories with their vectors,
   * states, messages, channels, facts, finished jobs and runs, with their ids, authors and times. An import
   * starts nothing: agents come back as stopped, schedules as paused, and what was open has ended. Rows that
   * are there already stay as they are, so you can run an import again. For the secret key.
   *
   * @returns what was stored, and what was left out. Errors: `quota_exceeded`, `invalid_request`.
   * @example
   * import { createReadStream } from "node:fs";
   * const { data, error } = await mayfly.tenants.import(createReadStream("tenant.jsonl"));
   * if (!error) console.log(`${data.stored} stored, ${data.known} known`, data.leftOut);
   */
  import(source: ImportSource, options: ImportOptions = {}): Promise<Result<Imported>> {
    return importTenant(this.#link, source, options);
  }

  /**
   * Erases the tenant and everything in it, including its files, in steps. This cannot be undone.
   *
   * @param options.name the tenant's name, to confirm that you mean it.
   * @param options.onProgress called after every step except the last.
   */
  async erase(options: { name: string; onProgress?: () => void }): Promise<Result<null>> {
    const files = await this.#removeFiles();
    if (files.error) return files;
    for (;;) {
      const answer = await this.#link.rpc(
        "erase_tenant",
        { name: options.name },
        row<{ erased: boolean }>({ erased: flag }),
      );
      if (answer.error) return answer;
      if (answer.data.erased) return ok(null);
      options.onProgress?.();
    }
  }
}

const tenantFromRow = ({ id, name, created_at }: TenantRow): Tenant =>
  fromRow({ id, name, created_at });

const toRule = ({ olderThan, kind, belowReward }: RetentionRule) => ({
  older_than: olderThan,
  ...(kind && { kind }),
  ...(belowReward !== undefined && { below_reward: belowReward }),
});
