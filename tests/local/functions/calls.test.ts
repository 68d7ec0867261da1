/** supabase-js's calls of edge functions, one by one: local/COMPATIBILITY.md has the verdicts. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { createClient, FunctionsFetchError, FunctionsHttpError } from "@supabase/supabase-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type Verdict, verdictsOf } from "../calls.ts";
import { makeProject, type Project, startHost } from "./project.ts";

const echo = `
export default {
  async fetch(request: Request) {
    const kind = new URL(request.url).pathname.split("/")[2];
    if (request.headers.get("upgrade") === "websocket") {
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.onopen = () => socket.send("hello");
      return response;
    }
    if (kind === "text") return new Response("plain", { headers: { "content-type": "text/plain" } });
    if (kind === "bytes") return new Response(new Uint8Array([0, 255]), { headers: { "content-type": "application/octet-stream" } });
    if (kind === "stream") return new Response("data: 1\\n\\n", { headers: { "content-type": "text/event-stream" } });
    if (kind === "refuse") return Response.json({ code: "no" }, { status: 422 });
    if (kind === "hang") return new Promise(() => {});
    const { method, headers } = request;
    const body = request.headers.get("content-type")?.startsWith("multipart/")
      ? Object.fromEntries(await request.formData()) : await request.text();
    return Response.json({ method, headers: Object.fromEntries(headers), body, region: Deno.env.get("SB_REGION") });
  },
};`;

let project: Project;
let host: Awaited<ReturnType<typeof startHost>>["host"];
const server = createServer(getRequestListener((request) => host.fetch(request)));
let url = "";
const client = () => createClient(url, "sb_publishable_x", { auth: { persistSession: false } });

beforeAll(async () => {
  project = makeProject({ echo });
  ({ host } = await startHost(project));
  server.on("upgrade", (...given) => host.upgrade(...given));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await host.close();
  project.remove();
});

const calls: Record<string, () => Promise<Verdict>> = {
  async "invoke with JSON, text, bytes, FormData"() {
    const form = new FormData();
    form.set("a", "b");
    const bodies = [{ n: 1 }, "text", new TextEncoder().encode("bytes").buffer, form];
    const seen = [];
    for (const body of bodies)
      seen.push((await client().functions.invoke("echo", { body })).data.body);
    expect(seen).toEqual(['{"n":1}', "text", "bytes", { a: "b" }]);
    return "works";
  },
  async "invoke with method and headers"() {
    const options = { method: "DELETE", headers: { "x-own": "1" } } as const;
    const { data } = await client().functions.invoke("echo", options);
    expect(data).toMatchObject({ method: "DELETE", headers: { "x-own": "1" } });
    return "works";
  },
  async "invoke that answers JSON, text, bytes, a stream"() {
    expect((await client().functions.invoke("echo/text")).data).toBe("plain");
    const blob: Blob = (await client().functions.invoke("echo/bytes")).data;
    expect([...new Uint8Array(await blob.arrayBuffer())]).toEqual([0, 255]);
    const stream: Response = (await client().functions.invoke("echo/stream")).data;
    expect(await stream.text()).toBe("data: 1\n\n");
    return "works";
  },
  async "invoke that is refused: FunctionsHttpError, context"() {
    const { error } = await client().functions.invoke("echo/refuse");
    expect(error).toBeInstanceOf(FunctionsHttpError);
    expect([error.context.status, await error.context.json()]).toEqual([422, { code: "no" }]);
    return "works";
  },
  async "invoke with signal and timeout: FunctionsFetchError"() {
    const { error } = await client().functions.invoke("echo/hang", { timeout: 20 });
    expect(error).toBeInstanceOf(FunctionsFetchError);
    const signal = AbortSignal.abort();
    expect((await client().functions.invoke("echo", { signal })).error).toBeInstanceOf(
      FunctionsFetchError,
    );
    return "works";
  },
  async setAuth() {
    const own = client();
    own.functions.setAuth("a.b.c");
    expect((await own.functions.invoke("echo")).data.headers.authorization).toBe("Bearer a.b.c");
    return "works";
  },
  async "a WebSocket to a function"() {
    const socket = new WebSocket(`${url.replace("http", "ws")}/functions/v1/echo`);
    expect(String((await once(socket, "message"))[0])).toBe("hello");
    socket.close();
    await once(socket, "close");
    return "works";
  },
  async "invoke with region"() {
    const options = { region: "eu-central-1" } as never;
    const { data } = await client().functions.invoke("echo", options);
    expect(data).toMatchObject({ headers: { "x-region": "eu-central-1" }, region: "local" });
    return "differs";
  },
  async "invoke of a function that does not exist"() {
    const { error } = await client().functions.invoke("nobody");
    expect(error.context.status).toBe(404);
    expect((await error.context.json()).error.code).toBe("function_not_found");
    return "differs";
  },
};

const verdicts = await verdictsOf("Functions");

test("every call of the table is tried, and no other", () => {
  expect(Object.keys(calls)).toEqual(Object.keys(verdicts));
});
test.each(Object.entries(verdicts))("%s: %s", async (call, verdict) => {
  expect(await calls[call]?.()).toBe(verdict);
});
