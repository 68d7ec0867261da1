import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:net";
import { host, listen, type PortChoice } from "../ports.ts";
import { Arbiter } from "./arbiter.ts";
import { Backend } from "./backend.ts";
import { Client } from "./client.ts";
import { type Database, type PgliteOptions, passwordOf, USERS, type User } from "./database.ts";
import { damaged, openFolder } from "./folder.ts";
import type { Holds } from "./holds.ts";
import { makeVerifier, type Verifier } from "./scram.ts";
import { SUPERUSER } from "./session.ts";

const IDLE_TIMEOUT_MS = 10_000;
const CLOSE_GRACE_MS = 500;
const SHUTDOWN_GRACE_MS = 5_000;
const MAX_CLIENTS = 200;

/**
 * initdb calls the bootstrap superuser `postgres`. In Supabase it is `supabase_admin`, and
 * `postgres` is a plain role. Each of these strings is one transaction and can run again. So if a
 * crash ends the start between two of them, the next start completes the work.
 */
const ROLES = [
  `do $$ begin
    if exists (select from pg_roles where oid = 10 and rolname <> '${SUPERUSER}') then
      create role mayfly_rename superuser;
      execute 'set session authorization mayfly_rename';
      execute format('alter role %I rename to ${SUPERUSER}',
        (select rolname from pg_roles where oid = 10));
      execute 'set session authorization ${SUPERUSER}';
      drop role mayfly_rename;
    end if;
  end $$`,
  `do $$ begin
    if to_regrole('postgres') is null then
      create role postgres login createrole createdb bypassrls replication;
    end if;
    if to_regrole('authenticator') is null then
      create role authenticator login noinherit;
    end if;
    if to_regrole('supabase_auth_admin') is null then
      create role supabase_auth_admin login noinherit createrole;
    end if;
    if to_regrole('supabase_realtime_admin') is null then
      create role supabase_realtime_admin login noinherit;
    end if;
    if not exists (
      select from pg_database where datname = 'postgres' and datdba = to_regrole('postgres')
    ) then
      alter database postgres owner to postgres;
    end if;
  end $$`,
];

async function bytesOf(
  template: Blob | Uint8Array | string,
): Promise<Uint8Array<ArrayBuffer> | string> {
  if (typeof template === "string") return template;
  if (template instanceof Blob) return new Uint8Array(await template.arrayBuffer());
  return new Uint8Array(template);
}

/**
 * PGlite throws Errors with several lines, and its file system throws objects that are not Errors.
 */
function firstLine(error: unknown): string {
  const { message } = error as { message?: string };
  return (message ?? JSON.stringify(error)).split("\n")[0]?.replace(/\.$/, "") ?? "";
}

/** The embedded database: PGlite in a thread, served on a loopback wire port. */
export async function openPglite(options: PgliteOptions): Promise<Database> {
  let server: PgliteServer | undefined;
  let backend: Backend | undefined;
  let lost: Error | undefined;
  const folder =
    options.dataDir === undefined
      ? undefined
      : await openFolder(options.dataDir, options.log, (error) => {
          lost = error;
          // End without a checkpoint, because this process may not write to the folder any more.
          backend?.kill(error);
        });
  try {
    const wanted = options.template !== undefined && !folder?.hasCluster;
    const template = wanted
      ? await bytesOf(options.template as Blob | Uint8Array | string)
      : undefined;
    if (folder && !folder.hasCluster && !template) {
      options.log.info("Creating the database, which takes a few seconds", { folder: folder.root });
    }
    const booted = await Backend.start(
      {
        ...(folder && { pgdata: folder.pgdata }),
        ...(template && { template }),
        prepare: ROLES,
      },
      (error) => server?.crashed(error),
    ).catch((error: unknown) => {
      if (!folder?.hasCluster) throw error;
      throw new Error(damaged(folder.root, firstLine(error)), { cause: error });
    });
    backend = booted.backend;
    if (lost) {
      backend.kill(lost);
      throw lost;
    }
    folder?.made();
    server = new PgliteServer(options, backend, booted.version, async () => folder?.release());
    try {
      await server.listen(options.port ?? { port: 0 });
    } catch (error) {
      await backend.close(SHUTDOWN_GRACE_MS);
      throw error;
    }
    return server;
  } catch (error) {
    await folder?.release();
    throw error;
  }
}

class PgliteServer implements Database {
  readonly kind = "pglite";
  readonly version: string;
  readonly #options: PgliteOptions;
  readonly #backend: Backend;
  readonly #arbiter: Arbiter;
  readonly #server: Server;
  readonly #release: () => Promise<void>;
  readonly #clients = new Map<number, Client>();
  readonly #verifiers = new Map<string, Verifier>();
  #closing: Promise<void> | undefined;

  constructor(
    options: PgliteOptions,
    backend: Backend,
    version: string,
    release: () => Promise<void>,
  ) {
    this.#options = options;
    this.#backend = backend;
    this.version = version;
    this.#release = release;
    this.#arbiter = new Arbiter({
      backend,
      idleInTransactionTimeoutMs: options.idleInTransactionTimeoutMs ?? IDLE_TIMEOUT_MS,
      log: options.log,
    });
    for (const user of USERS) {
      this.#verifiers.set(user, makeVerifier(passwordOf(options.passwords, user)));
    }
    this.#server = createServer((socket) => {
      const client = new Client(socket, {
        verifier: (user) => this.#verifiers.get(user),
        authenticated: (who, parameters) => this.#arbiter.welcome(who, parameters),
        ready: (who) => this.#arbiter.ready(who),
        gone: (who) => {
          this.#clients.delete(who.pid);
          this.#arbiter.gone(who);
        },
        cancel: (pid, secret) => {
          const target = this.#clients.get(pid);
          if (target?.secret === secret) this.#arbiter.cancel(target);
        },
      });
      this.#clients.set(client.pid, client);
      if (this.#clients.size > MAX_CLIENTS) {
        client.fatal({ sqlstate: "53300", message: "sorry, too many clients already" });
      }
    });
  }

  get holds(): Holds {
    return this.#arbiter.holds;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async listen(choice: PortChoice): Promise<void> {
    await listen(this.#server, choice, "--db-port");
  }

  url(user: User): string {
    const password = encodeURIComponent(passwordOf(this.#options.passwords, user));
    return `postgresql://${user}:${password}@${host}:${this.port}/postgres?sslmode=disable`;
  }

  dumpDataDir(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#arbiter.alone(() => this.#backend.dump());
  }

  crashed(error: Error): void {
    this.#options.log.error("The embedded database has crashed.", { error: error.message });
    this.#hangUp("terminating connection because the embedded database has crashed");
    this.#server.close();
    void this.#release();
    this.#options.onCrash?.(error);
  }

  async closeAndPack(): Promise<Uint8Array<ArrayBuffer>> {
    const packed = await this.#arbiter.alone(() => this.#backend.closeAndPack());
    await this.close();
    return packed;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#hangUp("terminating connection because the embedded database is shutting down");
    this.#server.close();
    // A statement that does not end is aborted with its thread. Everything that was committed
    // stays.
    await this.#backend.close(this.#backend.busy ? CLOSE_GRACE_MS : SHUTDOWN_GRACE_MS);
    await this.#release();
  }

  #hangUp(message: string): void {
    this.#arbiter.stop();
    for (const client of [...this.#clients.values()]) {
      client.fatal({ sqlstate: "57P01", message });
    }
  }
}
