import { createHash } from "node:crypto";
import { createConsoleLog, findRunning, type Logger, startLocal } from "@mayfly/local";
import { Mayfly, type Telemetry } from "@mayfly/sdk";
import { dataOf, Failure, until, within } from "./failure.ts";
import type { Place } from "./report.ts";

/** A Supabase project with Mayfly in it. */
export interface Project {
  place: Place;
  key: string;
  /** Named by MAYFLY_TENANT. Otherwise the folder gets its own tenant. */
  tenant: string | null;
  /** Ends only what was started for this run. */
  close(): Promise<void>;
}

export interface ProjectOptions {
  data: string;
  port: number | undefined;
  verbose: boolean;
  signal: AbortSignal;
}

type Environment = Record<string, string | undefined>;

const CLOSE_MS = 8000;

/** The project that the environment names, otherwise the running embedded Supabase or a new one. */
export async function findProject(options: ProjectOptions, env: Environment): Promise<Project> {
  const named = fromEnvironment(env);
  if (named) return named;
  const started = performance.now();
  const running = await findRunning(options.data);
  const ms = () => performance.now() - started;
  if (running) {
    return {
      place: { url: running.apiUrl, supabase: "running", ms: ms() },
      key: running.secretKey,
      tenant: null,
      close: async () => {},
    };
  }
  const { data, port, verbose, signal } = options;
  const log = logger(verbose);
  const starting = startLocal({ data, log, ...(port === undefined ? {} : { port }) });
  try {
    const local = await until(signal, starting);
    return {
      place: { url: local.apiUrl, supabase: "started", ms: ms() },
      key: local.secretKey,
      tenant: null,
      close: () => within(CLOSE_MS, local.close()),
    };
  } catch (error) {
    // Exiting would not end a project that is still starting, so wait until it can be closed.
    if (signal.aborted)
      await within(
        CLOSE_MS,
        starting.then((local) => local.close()),
      );
    throw error;
  }
}

/** The client for the tenant with the memories of the folder. The tenant is created if there is none. */
export async function openTenant(
  project: Project,
  folder: string,
  signal: AbortSignal,
  telemetry?: Telemetry,
): Promise<{ mayfly: Mayfly; tenant: string }> {
  const { key, place } = project;
  const inTenant = (tenant: string) => ({
    mayfly: new Mayfly({ url: place.url, key, tenant, ...(telemetry && { telemetry }) }),
    tenant,
  });
  if (project.tenant) return inTenant(project.tenant);
  const name = tenantName(folder);
  const { tenants } = new Mayfly({ url: place.url, key });
  const ensured = await until(signal, tenants.ensure(name));
  return inTenant(dataOf("Making the tenant failed", ensured).id);
}

/** A tenant's name has at most 200 characters, but a path can have more. */
function tenantName(folder: string): string {
  const name = `folder:${folder}`;
  if (name.length <= 200) return name;
  return `folder:${createHash("sha256").update(folder).digest("hex")}`;
}

function fromEnvironment(env: Environment): Project | null {
  const { MAYFLY_URL: url, MAYFLY_KEY: key, MAYFLY_TENANT: tenant } = env;
  if (!url) return null;
  if (!key || !tenant) {
    const missing = key ? "MAYFLY_TENANT" : "MAYFLY_KEY";
    throw new Failure(`MAYFLY_URL names a project, so ${missing} must be set too.`, {
      code: "usage",
      exitCode: 2,
    });
  }
  return {
    place: { url, supabase: "named", ms: 0 },
    key,
    tenant,
    close: async () => {},
  };
}

/** Without --verbose, only errors are printed between the other lines. */
function logger(verbose: boolean): Logger {
  const log = createConsoleLog({ verbose });
  const silent = () => {};
  return verbose ? log : { ...log, debug: silent, info: silent, warn: silent };
}
