/**
 * How many HTTP requests programs make: `node tests/bench/calls.ts [index.ts of another SDK]`. The programs
 * are the example of the README, and examples/worker.ts with 40 tasks. A proxy in front of the embedded
 * Supabase counts the requests. The opening of a WebSocket counts as a request.
 */
import { createServer, request as send } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Agent, Message } from "@mayfly/sdk";
import { startLocal } from "../../local/src/index.ts";
import { dataOf } from "../harness/agents.ts";
import { silent } from "../harness/log.ts";
import { readTemplate } from "../harness/template.ts";

const tasks = 40;
const [other] = process.argv.slice(2);
const sdk: typeof import("@mayfly/sdk") = await import(
  other ? pathToFileURL(resolve(other)).href : "@mayfly/sdk"
);

const { database, keys } = await readTemplate();
const local = await startLocal({ template: database, keys, port: 0, log: silent });
const counts = new Map<string, number>();
const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
const { hostname, port } = new URL(local.apiUrl);
const proxy = createServer((incoming, outgoing) => {
  count(`${incoming.method} ${incoming.url?.split("?")[0]}`);
  const { method, url: path, headers } = incoming;
  const onward = send({ hostname, port, method, path, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(outgoing);
  });
  onward.on("error", () => outgoing.destroy());
  incoming.pipe(onward);
});
proxy.on("upgrade", ({ url, headers }, socket, head) => {
  count("WebSocket");
  const onward = connect(Number(port), hostname, () => {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    onward.write(`GET ${url} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    onward.write(head);
    socket.pipe(onward).pipe(socket);
  });
  for (const end of [socket, onward]) end.on("error", () => end.destroy());
});
await new Promise<void>((ready) => proxy.listen(0, "127.0.0.1", ready));
const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
const key = local.secretKey;

/** The example in README.md. */
async function readme(): Promise<void> {
  const tenant = dataOf(await new sdk.Mayfly({ url, key }).tenants.create({ name: "acme" }));
  const mayfly = new sdk.Mayfly({ url, key, tenant: tenant.id });
  const agent = dataOf(await mayfly.spawn({ name: "analyst", lifetime: 60 }));
  await agent.remember({
    task: "Rotate the signing key",
    output: "Import the new key, wait until it is in the JWKS everywhere, then rotate.",
    reward: 0.9,
  });
  dataOf(await agent.sync());
  dataOf(await agent.stop("done"));
  const newcomer = dataOf(await mayfly.spawn({ name: "newcomer" }));
  const { results } = dataOf(await newcomer.recall("how do we change keys?"));
  if (results.length !== 1) throw new Error("It has recalled nothing.");
  dataOf(await newcomer.stop());
}

/** The worker of examples/worker.ts, and an agent that gives it tasks. */
async function working(): Promise<void> {
  const tenant = dataOf(await new sdk.Mayfly({ url, key }).tenants.create({ name: "workers" }));
  const theirs = new sdk.Mayfly({ url: local.apiUrl, key, tenant: tenant.id });
  const mayfly = new sdk.Mayfly({ url, key, tenant: tenant.id });
  const worker = dataOf(
    await mayfly.spawn({ type: "worker", capabilities: ["keywords"], lifetime: 900 }),
  );
  const problems: unknown[] = [];
  worker.on("task_assignment", (message) => work(worker, message), {
    onError: (problem) => void problems.push(problem),
  });
  dataOf(await worker.presence.track({ status: "idle" }));
  const boss = dataOf(await theirs.spawn({ name: "boss" }));
  for (let n = 0; n < tasks; n++) {
    const payload = { task: `File ${n}`, context: { text: "seventeen different keywords" } };
    dataOf(await boss.request(worker.id, "task_assignment", payload, { timeoutMs: 60_000 }));
  }
  dataOf(await worker.stop("The process was told to end."));
  await mayfly.close();
  await boss.stop();
  await theirs.close();
  if (problems.length > 0) throw problems[0];
}

async function work(worker: Agent, message: Message<"task_assignment">): Promise<void> {
  const { task, context } = message.payload;
  await worker.presence.track({ status: "working", task });
  await worker.remember({ task, output: String(context?.text), tags: ["keywords"] });
  const { error } = await worker.sync({ pull: false });
  if (error) throw error;
  await message.reply({ task, success: true, result: {} }, { type: "task_complete" });
  await worker.presence.track({ status: "idle", task: "" });
}

for (const [name, program] of Object.entries({ readme, working })) {
  counts.clear();
  await program();
  const { WebSocket: sockets = 0, ...calls } = Object.fromEntries(counts);
  const sum = Object.values(calls).reduce((all, one) => all + one, 0);
  console.log(`${name}: ${sum} HTTP requests, ${sockets} WebSockets`);
  for (const [what, times] of Object.entries(calls).sort(([, a], [, b]) => b - a))
    console.log(`  ${times} × ${what}`);
}
proxy.closeAllConnections();
proxy.close();
await local.close();
