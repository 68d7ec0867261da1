/** Requests that a hosted project would end, the embedded Supabase also ends. WebSockets reach a function. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import type { FunctionsOptions } from "../../../local/src/functions/index.ts";
import { makeProject, type Project, startHost } from "./project.ts";

const busy = `
const spin = (ms: number) => { const end = performance.now() + ms; while (performance.now() < end); };
export default {
  async fetch(request: Request) {
    const url = new URL(request.url);
    const times = Number(url.searchParams.get("times"));
    // Each spin is too short to look hung.
    for (let i = 0; i < times; i++) { spin(20); await new Promise((resolve) => setTimeout(resolve, 5)); }
    if (url.searchParams.has("hang")) await new Promise(() => {});
    return Response.json({ pid: Deno.pid });
  },
};`;

const talk = `
Deno.serve((request) => {
  if (request.headers.get("upgrade") !== "websocket") return new Response("no socket", { status: 400 });
  const { socket, response } = Deno.upgradeWebSocket(request);
  const seen = [...request.headers.keys()].filter((name) => name.startsWith("x-mayfly"));
  socket.onmessage = ({ data }) => socket.send(data + " from " + new URL(request.url).pathname + seen);
  return response;
});`;

let project: Project | undefined;
let host: Awaited<ReturnType<typeof startHost>> | undefined;
afterEach(async () => {
  await host?.host.close();
  project?.remove();
  host = undefined;
  project = undefined;
});

async function start(options: Partial<FunctionsOptions>) {
  project = makeProject({ busy, talk });
  host = await startHost(project, options);
  return host;
}

test("a request over its CPU time is ended as on hosted projects, and the next one is served", async () => {
  const { call } = await start({ requestCpuMs: 400 });
  expect((await call("busy?times=2")).status).toBe(200);
  const ended = await call("busy?times=200");
  expect(ended.status).toBe(546);
  expect(await ended.json()).toEqual({
    code: "WORKER_RESOURCE_LIMIT",
    message: "Function failed due to not having enough compute resources (please check logs)",
  });
  expect((await call("busy?times=2")).status).toBe(200);
});

test("the CPU limit is for each request: many short requests may use more together", async () => {
  const { call } = await start({ requestCpuMs: 400 });
  for (let i = 0; i < 6; i++) expect((await call("busy?times=5")).status).toBe(200);
});

test("a request over its time limit is ended as on hosted projects, and another process serves", async () => {
  const { call } = await start({ wallClockMs: 1_500 });
  const first = (await (await call("busy?times=0")).json()) as { pid: number };
  const ended = await call("busy?times=0&hang");
  expect(ended.status).toBe(546);
  expect(((await ended.json()) as { code: string }).code).toBe("WORKER_RESOURCE_LIMIT");
  const next = (await (await call("busy?times=0")).json()) as { pid: number };
  expect(next.pid).not.toBe(first.pid);
});

test("a WebSocket reaches its function, and a refusal is an answer", async () => {
  const { host: functions } = await start({});
  const server = createServer();
  server.on("upgrade", functions.upgrade);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/functions/v1`;
  const socket = new WebSocket(`${url}/talk/here`);
  await once(socket, "open");
  for (const text of ["one", "two"]) {
    socket.send(text);
    const [answer] = await once(socket, "message");
    expect(String(answer)).toBe(`${text} from /talk/here`);
  }
  socket.close();
  await once(socket, "close");
  const [, response] = await once(
    new WebSocket(`${url}/nobody`).on("error", () => {}),
    "unexpected-response",
  );
  expect(response.statusCode).toBe(404);
  server.closeAllConnections();
  server.close();
});
