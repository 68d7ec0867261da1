import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeProject, type Project, startHost } from "./project.ts";

const hello = `
import { z } from "zod";
export default {
  async fetch(request: Request) {
    const { pathname, search, host } = new URL(request.url);
    console.log("hello there", { n: 1 });
    const body = z.string().parse(await request.text());
    return Response.json({
      pathname, search, host, body, method: request.method,
      secret: request.headers.get("x-mayfly-functions-secret"),
      region: Deno.env.get("SB_REGION"), url: Deno.env.get("SUPABASE_URL"),
      leaked: Deno.env.get("MAYFLY_TEST_HOST_ONLY") ?? null,
    });
  },
};`;

const wild = `
export default {
  async fetch(request: Request) {
    switch (new URL(request.url).pathname) {
      case "/wild/throw": throw new Error("thrown in the handler");
      case "/wild/nothing": return undefined;
      case "/wild/empty": return new Response(null, { status: 204 });
      case "/wild/cookies": {
        const headers = new Headers();
        headers.append("set-cookie", "a=1");
        headers.append("set-cookie", "b=2");
        return new Response("x".repeat(500), { headers });
      }
      case "/wild/echo": return new Response(request.body);
      case "/wild/hang":
        request.signal.addEventListener("abort", () => console.log("the caller left"));
        console.log("hanging");
        return new Promise(() => {});
      case "/wild/later":
        EdgeRuntime.waitUntil(new Promise((resolve) => setTimeout(resolve, 20)).then(() => console.log("done later")));
        return new Response("at once");
      case "/wild/later-fails":
        EdgeRuntime.waitUntil(Promise.reject(new Error("background trouble")));
        return new Response("at once");
      case "/wild/forbidden": {
        const tried = {
          write: () => Deno.writeTextFileSync("out.txt", "x"),
          run: () => new Deno.Command("/bin/true").outputSync(),
          read: () => Deno.readTextFileSync("/etc/hostname"),
        };
        return Response.json(Object.fromEntries(Object.entries(tried).map(([name, attempt]) => {
          try { attempt(); return [name, "allowed"]; } catch (error) { return [name, error.name]; }
        })));
      }
    }
  },
};`;

const embed = `
export default {
  async fetch() {
    const session = new Supabase.ai.Session("gte-small");
    let other = "";
    try { new Supabase.ai.Session("llama"); } catch (error) { other = error.message; }
    const vector = await session.run("hello", { mean_pool: true, normalize: true });
    return Response.json({ model: session.model, length: vector.length, other });
  },
};`;

const older = `Deno.serve(() => new Response("the older style"));`;

let project: Project;
let running: Awaited<ReturnType<typeof startHost>>;

beforeAll(async () => {
  process.env.MAYFLY_TEST_HOST_ONLY = "a secret of the developer's shell";
  project = makeProject({ hello, wild, embed, older });
  running = await startHost(project, {
    env: () => ({ SUPABASE_URL: "http://127.0.0.1:54321" }),
    requestTimeoutMs: 1_500,
  });
  await running.host.ready();
});

afterAll(async () => {
  await running.host.close();
  project.remove();
});

describe("a running functions host", () => {
  test("routes by name, with the path that a hosted function sees", async () => {
    const init = { method: "PUT", body: "the body", headers: { origin: "http://a" } };
    const response = await running.call("hello/rest/of?x=1", init);
    expect(await response.json()).toMatchObject({
      pathname: "/hello/rest/of",
      search: "?x=1",
      host: "127.0.0.1:54321",
      method: "PUT",
      body: "the body",
    });
  });

  test("names the functions of config.toml, and is healthy with Deno's version", () => {
    expect(running.host.names).toEqual(["hello", "wild", "embed", "older"]);
    expect(running.host.health()).toEqual({ state: "ok", version: "2.9.6" });
  });

  test("gives functions their environment, and nothing of the developer's shell", async () => {
    const response = await running.call("hello");
    expect(await response.json()).toMatchObject({
      url: "http://127.0.0.1:54321",
      region: "local",
      leaked: null,
      secret: null,
    });
  });

  test.each(["nobody", "nobody/x", "", "../hello"])(
    "answers 404 in the envelope for %j",
    async (path) => {
      const response = await running.call(path);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({
        data: null,
        error: { code: "function_not_found", request_id: response.headers.get("x-request-id") },
      });
    },
  );

  test("honours a request id, in the answer and in the function's log lines", async () => {
    running.log.forget();
    const response = await running.call("hello", { headers: { "x-request-id": "my-id-1" } });
    expect(response.headers.get("x-request-id")).toBe("my-id-1");
    expect(await running.log.seen(/hello there/, "my-id-1")).toEqual({
      level: "info",
      message: "[hello] hello there { n: 1 }",
      fields: { function: "hello", request_id: "my-id-1" },
    });
  });

  test("creates a request id if there is none that is safe for a log", async () => {
    const without = (await running.call("hello")).headers.get("x-request-id");
    expect(without).toMatch(/^[0-9a-f-]{36}$/);
    const odd = await running.call("hello", { headers: { "x-request-id": "two words" } });
    expect(odd.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  test.each(["throw", "nothing"])("returns an error when a handler does %j", async (path) => {
    running.log.forget();
    const response = await running.call(`wild/${path}`);
    expect(response.status).toBe(500);
    const { error } = await response.json();
    expect(error).toMatchObject({ code: "function_crashed", details: null });
    const [line, ...others] = running.log.of("error");
    expect(others).toEqual([]);
    expect(line?.fields).toEqual({ function: "wild", request_id: error.request_id });
    expect(line?.message).not.toContain("\n");
    expect((await running.call("hello")).status).toBe(200);
  });

  test("passes an empty answer, several cookies, and HEAD", async () => {
    const empty = await running.call("wild/empty");
    expect([empty.status, await empty.text()]).toEqual([204, ""]);
    const cookies = await running.call("wild/cookies", { headers: { "accept-encoding": "gzip" } });
    expect(cookies.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect(await cookies.text()).toBe("x".repeat(500));
    const head = await running.call("wild/cookies", { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });

  test("streams both ways: the answer begins before the whole request is sent", async () => {
    const question = new TransformStream<Uint8Array, Uint8Array>();
    const writer = question.writable.getWriter();
    const init = { method: "POST", body: question.readable, duplex: "half" } as RequestInit;
    const asked = running.call("wild/echo", init);
    const bytes = (text: string) => new TextEncoder().encode(text);
    void writer.write(bytes("one "));
    const reader = (await asked).body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toBe("one ");
    void writer.write(bytes("two"));
    expect((await reader?.read())?.value).toBe("two");
    await writer.close();
    expect((await reader?.read())?.done).toBe(true);
  });

  test("tells a function that its caller left", async () => {
    running.log.forget();
    const leaving = new AbortController();
    const asked = running.call("wild/hang", { signal: leaving.signal });
    await running.log.seen(/hanging/);
    leaving.abort();
    expect((await asked).status).toBe(499);
    await running.log.seen(/the caller left/);
  });

  test("answers 504 when a function takes too long", async () => {
    const response = await running.call("wild/hang");
    expect(response.status).toBe(504);
    expect((await response.json()).error.code).toBe("function_timeout");
  });

  test("lets waitUntil finish after the answer, under the request's id", async () => {
    running.log.forget();
    const response = await running.call("wild/later");
    expect(await response.text()).toBe("at once");
    expect(running.log.lines.some((line) => line.message.includes("done later"))).toBe(false);
    const line = await running.log.seen(/done later/);
    expect(line.fields.request_id).toBe(response.headers.get("x-request-id"));
  });

  test("logs a failed background task, and continues", async () => {
    running.log.forget();
    expect((await running.call("wild/later-fails")).status).toBe(200);
    const line = await running.log.seen(/background trouble/);
    expect(line).toMatchObject({ level: "error", fields: { function: "wild" } });
    expect((await running.call("hello")).status).toBe(200);
  });

  test("stops functions from writing, running programs, and reading outside the project", async () => {
    const answer = await (await running.call("wild/forbidden")).json();
    expect(answer).toEqual({ write: "NotCapable", run: "NotCapable", read: "NotCapable" });
  });

  test("gives Supabase.ai.Session, which names its model and is not gte-small", async () => {
    const answer = await (await running.call("embed")).json();
    expect(answer).toMatchObject({ model: "mayfly-dev-hash-384", length: 384 });
    expect(answer.other).toContain("mayfly-dev-hash-384");
  });

  test("serves a function in the older style", async () => {
    expect(await (await running.call("older")).text()).toBe("the older style");
  });

  test("answers many concurrent requests correctly", async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, at) => {
        const init = { method: "POST", body: `${at}` };
        return (await (await running.call("hello", init)).json()).body;
      }),
    );
    expect(answers).toEqual(Array.from({ length: 100 }, (_, at) => `${at}`));
  });
});
