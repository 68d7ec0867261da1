import type { FunctionInfo, IntrospectResult } from "@supabase/lite";
import { PostgresConnection } from "@supabase/lite/postgres";
import postgres, { type Sql } from "postgres";
import { withSafeReserve } from "../db/safe-reserve.ts";
import type { Logger } from "../log.ts";
import type { TxEnd } from "./preferences.ts";

/** Settings of a role (`alter role … set`), which PostgREST applies to each request of that role. */
export type RoleSettings = ReadonlyMap<string, ReadonlyArray<readonly [string, string]>>;

/**
 * The settings that PostgREST reads from the database, at the start and again on `reload config`.
 */
export interface Config {
  readonly roles: RoleSettings;
  /** The function that every request calls first (`pgrst.db_pre_request`), as `schema.name`. */
  readonly preRequest: string | null;
  /** How transactions end: `pgrst.db_tx_end`. */
  readonly txEnd: TxEnd;
}

type Picture = IntrospectResult & { functions: FunctionInfo[] };

/** How to convert a value to a column's value. */
export interface WritableColumn {
  /** The type with its schema and modifiers, such as `numeric(6,2)`. */
  readonly type: string;
  /** The column's default, as an SQL expression. */
  readonly default: string | null;
  /** The function that converts JSON to the column's domain, if the project has such a cast. */
  readonly fromJson: string | null;
}

/** A view of everything that the Data API may serve. */
export interface Schema {
  readonly introspection: Picture;
  /** The columns of a table or view. Read at the first write. */
  columnsOf(schema: string, table: string): Promise<ReadonlyMap<string, WritableColumn>>;
  readonly config: Config;
}

/** lite could not read the schema. lite does not say why. Usually, the connection has ended. */
export class SchemaUnread extends Error {
  override readonly name = "SchemaUnread";

  constructor() {
    super("The database's schema could not be read.");
  }
}

/** Keeps the Data API's view of the database up to date. */
export interface SchemaCache {
  /** The view of the database. If a change was announced, the view is read again first. */
  current(): Promise<Schema>;
  /** Marks the view and the settings as out of date. */
  invalidate(): void;
  /** Whether DDL that was committed before this call has made the view out of date. */
  outdated(): Promise<boolean>;
  /** When the view was last read, in milliseconds since the epoch. */
  readonly loadedAt: number | undefined;
  close(): Promise<void>;
}

/**
 * The view is read as supabase_admin, because information_schema shows a role only what it may use.
 * Then the view is limited to the exposed schemas. DDL is announced on the channel `pgrst`
 * (0035_pgrst_watch).
 */
export function createSchemaCache(options: {
  adminUrl: string;
  schemas: string[];
  log: Logger;
}): SchemaCache {
  const { adminUrl, schemas, log } = options;
  const connection = new PostgresConnection({
    url: adminUrl,
    postgresOptions: { max: 1, idle_timeout: 10, onnotice: () => undefined },
  });
  withSafeReserve(connection.driver);
  let picture: Promise<Picture> | undefined;
  let columns: Promise<Columns> | undefined;
  let config: Promise<Config> | undefined;
  let loadedAt: number | undefined;
  let closed = false;

  const invalidate = () => {
    picture = undefined;
    columns = undefined;
    config = undefined;
  };
  const watch = postgres(adminUrl, {
    max: 1,
    fetch_types: false,
    max_lifetime: null,
    onnotice: () => undefined,
    onclose: () => {
      // If changes were announced while nobody listened, they were missed. So read everything again.
      invalidate();
      listening = undefined;
    },
    // @ts-expect-error An option of postgres.js that its types leave out.
    onnotify: (channel: string, payload: string) => {
      if (channel !== "pgrst") return;
      if (payload === "reload config") config = undefined;
      else {
        picture = undefined;
        columns = undefined;
      }
    },
  });
  let listening: Promise<unknown> | undefined;
  const listen = () => {
    listening ??= watch.unsafe("listen pgrst").catch((error: Error) => {
      listening = undefined;
      throw error;
    });
    return listening;
  };

  const load = async (): Promise<Picture> => {
    const started = performance.now();
    const introspection = await connection.introspect();
    // If lite could not read the catalog, it returns an empty view without functions.
    if (!introspection.functions) throw new SchemaUnread();
    loadedAt = Date.now();
    log.debug("Read the schema", { ms: Math.round(performance.now() - started) });
    return exposed(introspection, schemas);
  };
  const readPicture = () => {
    if (picture) return picture;
    const reading = load();
    picture = reading;
    reading.catch(() => {
      if (picture === reading) picture = undefined;
    });
    return reading;
  };
  const readColumns = () => {
    if (columns) return columns;
    const reading = columnsIn(connection.driver, schemas);
    columns = reading;
    reading.catch(() => {
      if (columns === reading) columns = undefined;
    });
    return reading;
  };
  const readConfig = () => {
    if (config) return config;
    const reading = configOf(connection.driver);
    config = reading;
    reading.catch(() => {
      if (config === reading) config = undefined;
    });
    return reading;
  };

  return {
    get loadedAt() {
      return loadedAt;
    },
    invalidate,
    async current() {
      await listen();
      return {
        introspection: await readPicture(),
        config: await readConfig(),
        columnsOf: async (schema, table) =>
          (await readColumns()).get(JSON.stringify([schema, table])) ?? new Map(),
      };
    },
    async outdated() {
      // Before a session's command is done, the session gets the notifications of all earlier
      // commits.
      await watch.unsafe("select 1");
      return !picture;
    },
    async close() {
      if (closed) return;
      closed = true;
      await Promise.all([connection.close(), watch.end({ timeout: 1 })]);
    },
  };
}

function exposed(all: IntrospectResult, schemas: string[]): Picture {
  const has = ({ schema }: { schema?: string | undefined }) => schemas.includes(schema ?? "public");
  return {
    ...all,
    default_schema: schemas[0] ?? "public",
    tables: all.tables.filter(has),
    columns: all.columns.filter(has),
    indexes: all.indexes.filter(has),
    foreign_keys: all.foreign_keys.filter((key) => has(key) && has({ schema: key.ref_schema })),
    primary_keys: all.primary_keys.filter(has),
    views: all.views.filter(has),
    check_constraints: all.check_constraints.filter(has),
    unique_constraints: all.unique_constraints.filter(has),
    comments: all.comments.filter(has),
    functions: (all.functions ?? []).filter(has),
    ...(all.partitions ? { partitions: all.partitions.filter(has) } : {}),
  };
}

type Columns = ReadonlyMap<string, ReadonlyMap<string, WritableColumn>>;

/** Without a search path, types and defaults are written with their schemas. */
async function columnsIn(sql: Sql, schemas: string[]): Promise<Columns> {
  const rows = await sql.begin(async (tx) => {
    await tx`set local search_path = ''`;
    return tx<(WritableColumn & { schema: string; table: string; name: string })[]>`
      select n.nspname as schema, c.relname as table, a.attname as name,
        format_type(a.atttypid, a.atttypmod) as type,
        case
          when a.attidentity <> '' then format('nextval(%L::regclass)',
            pg_get_serial_sequence(format('%I.%I', n.nspname, c.relname), a.attname))
          when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid)
        end as default,
        p.oid::regproc::text as "fromJson"
      from pg_catalog.pg_attribute as a
      join pg_catalog.pg_class as c on c.oid = a.attrelid
      join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      left join pg_catalog.pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
      left join pg_catalog.pg_type as t on t.oid = a.atttypid and t.typtype = 'd'
      left join pg_catalog.pg_cast as k on k.castsource = 'json'::regtype
        and k.casttarget = t.oid and k.castcontext = 'i'
      left join pg_catalog.pg_proc as p on p.oid = k.castfunc
      where n.nspname = any (${schemas}) and c.relkind in ('r', 'p', 'v', 'f')
        and a.attnum > 0 and not a.attisdropped`;
  });
  const tables = new Map<string, Map<string, WritableColumn>>();
  for (const { schema, table, name, ...column } of rows) {
    const key = JSON.stringify([schema, table]);
    const columns = tables.get(key) ?? new Map<string, WritableColumn>();
    tables.set(key, columns.set(name, column));
  }
  return tables;
}

async function configOf(sql: Sql): Promise<Config> {
  const rows = await sql.unsafe<{ name: string; value: string }[]>(`
    select distinct on (split_part(s.setting, '=', 1)) split_part(s.setting, '=', 1) as name,
      substr(s.setting, strpos(s.setting, '=') + 1) as value
    from pg_catalog.pg_db_role_setting as d
    cross join lateral unnest(d.setconfig) as s (setting)
    where d.setrole = 'authenticator'::regrole and s.setting like 'pgrst.db\\_%'
      and d.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = current_database()))
    order by split_part(s.setting, '=', 1), d.setdatabase desc
  `);
  const settings = new Map(rows.map(({ name, value }) => [name, value]));
  return {
    roles: await roleSettings(sql),
    preRequest: settings.get("pgrst.db_pre_request") || null,
    txEnd: txEndOf(settings.get("pgrst.db_tx_end")),
  };
}

function txEndOf(value = "commit"): TxEnd {
  return /^(commit|rollback)(-allow-override)?$/.test(value) ? (value as TxEnd) : "commit";
}

async function roleSettings(sql: Sql): Promise<RoleSettings> {
  const rows = await sql.unsafe<{ role: string; setting: string }[]>(`
    select r.rolname as role, s.setting
    from pg_catalog.pg_db_role_setting as d
    join pg_catalog.pg_roles as r on r.oid = d.setrole
    cross join lateral unnest(d.setconfig) as s (setting)
    join pg_catalog.pg_settings as g
      on g.name = split_part(s.setting, '=', 1) and g.context = 'user'
    where d.setdatabase = 0 and g.name <> 'search_path'
      and pg_catalog.pg_has_role('authenticator', r.oid, 'member')
  `);
  const roles = new Map<string, Array<readonly [string, string]>>();
  for (const { role, setting } of rows) {
    const at = setting.indexOf("=");
    const settings = roles.get(role) ?? [];
    settings.push([setting.slice(0, at), setting.slice(at + 1)]);
    roles.set(role, settings);
  }
  return roles;
}
