import { type Agent, Mayfly, type Watch, type WatchBatch, type WatchOptions } from "@mayfly/sdk";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { mayflyWith, signIn, startTestLocal, type TestLocal } from "#harness/local";
import { startProxy, type TestProxy } from "#harness/proxy";

export let local: TestLocal;
export let proxy: TestProxy;
export let tenant: string;
/** Writes without the proxy. */
export let mayfly: Mayfly;
let writer: Agent;
/** Reads through the proxy. */
export let watched: Mayfly;
const watches: Watch[] = [];

export function setUp(): void {
  beforeAll(async () => {
    local = await startTestLocal();
    proxy = await startProxy(local.apiUrl);
  });
  afterAll(async () => {
    await proxy?.close();
    await local?.close();
  });
  beforeEach(async () => {
    ({ tenant, mayfly } = await local.enter());
    watched = new Mayfly({ url: proxy.url, key: local.secretKey, tenant });
    writer = await spawnIn(mayfly, { name: "writer" });
  });
  afterEach(async () => {
    proxy.up();
    await Promise.all(watches.splice(0).map((watch) => watch.stop()));
    await writer.close();
    await Promise.all([watched.close(), mayfly.close()]);
  });
}

/** A person of the tenant with the role viewer, connected through the proxy. */
export async function enterAsViewer(): Promise<Mayfly> {
  return mayflyWith(local, await signIn(local, tenant, "viewer"), { url: proxy.url, tenant });
}

export async function watch(
  by: Mayfly | Agent,
  options: WatchOptions,
  handler: (batch: WatchBatch) => void | Promise<void>,
): Promise<Watch> {
  const started = dataOf(await by.log.watch(options, handler));
  watches.push(started);
  return started;
}

export async function remember(...tasks: string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const task of tasks) ids.push(dataOf(await writer.remember({ task })).id);
  dataOf(await writer.sync({ pull: false }));
  return ids;
}

/** Polls only once an hour, so everything that arrives follows a nudge. */
export const nudgedAlone = { pollMs: 3_600_000 };
