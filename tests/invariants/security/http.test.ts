import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { textPlacesOf } from "./bodies.ts";
import { nested } from "./claims.ts";
import { digestOf } from "./evidence.ts";
import { bodies, errorOf, local, send, setUp, victim } from "./http-answers.ts";
import { computed, fewPayloads, leakIn } from "./payloads.ts";

setUp();

describe("texts that are SQL", () => {
  it("stay texts in each place of each function's body", async () => {
    const before = await digestOf(local.sql, victim);
    const problems: string[] = [];
    let tried = 0;
    for (const [method, path, schema] of bodies) {
      const places = textPlacesOf(schema);
      expect(places.length, path).toBeGreaterThan(0);
      for (const place of places) {
        const answers = fewPayloads.map(async (payload) => {
          tried++;
          const body = JSON.stringify(place.with(payload));
          const answer = await send(`/functions/v1${path}`, { method, body });
          const where = `${method} ${path} ${place.path} = ${payload}`;
          if (answer.status >= 500) problems.push(`${where}: ${answer.status} ${answer.text}`);
          const leak = leakIn(answer.text);
          if (leak) problems.push(`${where} tells ${leak}: ${answer.text.slice(0, 300)}`);
        });
        await Promise.all(answers);
      }
    }
    expect(problems).toEqual([]);
    expect(tried).toBeGreaterThan(200);
    expect(await digestOf(local.sql, victim)).toEqual(before);
  });

  it("stay texts in filters of every exposed table", async () => {
    const columns = await local.sql`
      select c.relname as table, a.attname as name from pg_attribute a join pg_class c on c.oid = a.attrelid
      where c.relnamespace = 'mayfly'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
        and a.atttypid = 'text'::regtype`;
    expect(columns.length).toBeGreaterThan(20);
    const problems: string[] = [];
    for (const { table, name } of columns)
      for (const payload of fewPayloads.slice(0, 2))
        for (const query of [
          `${name}=eq.${encodeURIComponent(payload)}`,
          `select=*,${encodeURIComponent(payload)}`,
        ]) {
          const headers = { "accept-profile": "mayfly" };
          const answer = await send(`/rest/v1/${table}?${query}`, { method: "GET", headers });
          const where = `${table}?${query}: ${answer.status} ${answer.text.slice(0, 300)}`;
          if (answer.status >= 500 || answer.text.includes("secret plan")) problems.push(where);
          if (answer.text.includes(computed)) problems.push(where);
        }
    expect(problems).toEqual([]);
  });

  it("stay texts in a header", async () => {
    const before = await digestOf(local.sql, victim);
    for (const header of [
      "x-mayfly-tenant",
      "x-mayfly-enrolment",
      "x-request-id",
      "apikey",
      "authorization",
      "x-client-info",
      "accept-profile",
      "prefer",
    ])
      for (const value of [
        "'; drop table mayfly.agents; --",
        `${victim}' or '1'='1`,
        "é\u00ff",
        "{}",
        "",
      ])
        for (const path of ["/functions/v1/query", "/rest/v1/rpc/recall"]) {
          const answer = await send(path, {
            body: '{"query":"plan"}',
            headers: { [header]: value },
          });
          const where = `${path} ${header}: ${value}`;
          expect(answer.status, `${where} ${answer.text}`).toBeLessThan(500);
          expect(answer.text, where).not.toContain("secret plan");
          expect(leakIn(answer.text), where).toBeUndefined();
        }
    expect(await digestOf(local.sql, victim)).toEqual(before);
  });

  it("do not open a schema that is not exposed", async () => {
    for (const schema of [
      "mayfly_private",
      "auth",
      "realtime",
      "pg_catalog",
      '"; drop schema mayfly',
      "MAYFLY",
    ]) {
      const profiles = { "accept-profile": schema, "content-profile": schema };
      for (const [method, path] of [
        ["GET", "/rest/v1/renewal_secrets"],
        ["GET", "/rest/v1/users"],
        ["POST", "/rest/v1/rpc/caller"],
        ["POST", "/rest/v1/rpc/issue_token"],
      ] as const) {
        const body = method === "POST" ? { body: "{}" } : {};
        const answer = await send(path, { method, headers: profiles, ...body });
        expect([404, 406], `${schema} ${path}: ${answer.status} ${answer.text}`).toContain(
          answer.status,
        );
      }
    }
    for (const path of [
      "/rest/v1/mayfly_private.renewal_secrets",
      "/rest/v1/rpc/mayfly_private.caller",
    ])
      expect((await send(path, { method: "GET" })).status, path).toBe(404);
  });
});

describe("input that is too large or too deep", () => {
  it("is quickly refused by the functions with a code", async () => {
    for (const path of ["spawn", "spawn/renew", "sync", "query"]) {
      const large = await send(`/functions/v1/${path}`, {
        body: `{"x":"${"y".repeat(9_000_000)}"}`,
      });
      const code = path === "sync" ? "push_too_large" : "invalid_request";
      expect([large.status, errorOf(large).code], path).toEqual([413, code]);
      for (const [open, close] of [
        ["[", "]"],
        ['{"a":', "}"],
      ] as const) {
        const deep = await send(`/functions/v1/${path}`, {
          body: `${open.repeat(500_000)}1${close.repeat(500_000)}`,
        });
        expect([deep.status, errorOf(deep).code], path).toEqual([400, "invalid_request"]);
        expect(deep.ms, path).toBeLessThan(30_000);
      }
    }
  });

  it("is refused in a field that may hold any JSON, and by the Data API", async () => {
    const metadata = nested(2_000);
    const push = [
      { id: randomUUID(), type: "memory.put", memory: { id: randomUUID(), task: "t", metadata } },
    ];
    const spawned = await send("/functions/v1/spawn", { body: JSON.stringify({ metadata }) });
    expect([spawned.status, errorOf(spawned).code]).toEqual([400, "invalid_request"]);
    for (const [path, body] of [
      ["/rest/v1/rpc/sync", { push }],
      ["/rest/v1/rpc/spawn_agent", { metadata }],
      ["/rest/v1/memories", { metadata }],
    ] as const) {
      const answer = await send(path, { body: JSON.stringify(body) });
      expect(answer.status, `${path} ${answer.text.slice(0, 200)}`).toBe(413);
    }
    const large = await send("/rest/v1/rpc/sync", { body: `{"push":"${"x".repeat(17_000_000)}"}` });
    expect(large.status).toBe(413);
    const many = JSON.stringify({ push: Array(1_001).fill({}) });
    const tooMany = await send("/rest/v1/rpc/sync", { body: many });
    expect([tooMany.status, (JSON.parse(tooMany.text) as { code: string }).code]).toEqual([
      413,
      "push_too_large",
    ]);
  });

  it("does not end Realtime, which ignores such a frame", async () => {
    const url = `${local.apiUrl.replace("http", "ws")}/realtime/v1/websocket?apikey=${local.publishableKey}&vsn=2.0.0`;
    const socket = new WebSocket(url);
    await new Promise((resolve) => socket.once("open", resolve));
    const replyTo = (ref: string) =>
      new Promise<void>((resolve) =>
        socket.on("message", (data) => {
          if ((JSON.parse(String(data)) as unknown[])[1] === ref) resolve();
        }),
      );
    const joined = replyTo("1");
    socket.send('["1","1","realtime:room","phx_join",{"config":{}}]');
    await joined;
    const deep = `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    socket.send(
      `["1","2","realtime:room","broadcast",{"type":"broadcast","event":"e","payload":${deep}}]`,
    );
    socket.send(`["1","3","realtime:other","phx_join",${deep}]`);
    const beat = replyTo("4");
    socket.send('[null,"4","phoenix","heartbeat",{}]');
    await beat;
    const rest = await send("/realtime/v1/api/broadcast", {
      body: `{"messages":[{"topic":"room","event":"e","payload":${deep}}]}`,
    });
    expect(rest.status).toBe(400);
    socket.close();
    expect(local.health().status).toBe("ok");
  });
});

describe("the headers", () => {
  const functions = ["spawn", "sync", "query"];

  it("let a page of any origin call without the browser's credentials", async () => {
    const wanted =
      "authorization, apikey, content-type, x-client-info, x-mayfly-tenant, x-mayfly-enrolment";
    for (const name of functions) {
      const answer = await send(`/functions/v1/${name}`, {
        method: "OPTIONS",
        headers: {
          origin: "https://app.example",
          "access-control-request-method": "POST",
          "access-control-request-headers": wanted,
        },
      });
      expect(answer.status, name).toBe(204);
      expect(answer.headers.get("access-control-allow-origin")).toBe("*");
      expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
      const allowed = answer.headers.get("access-control-allow-headers")?.toLowerCase() ?? "";
      for (const header of wanted.split(", ")) expect(allowed, name).toContain(header);
      expect(answer.headers.get("access-control-allow-methods")).toContain(
        name === "spawn" ? "DELETE" : "POST",
      );
    }
  });

  it("keep answers and refusals out of caches, and name their content types", async () => {
    const answers = [
      await send("/functions/v1/spawn", { body: "{}" }),
      await send("/functions/v1/spawn", { body: "nonsense" }),
      await send("/functions/v1/query", { body: '{"query":"x"}', headers: { apikey: "wrong" } }),
      await send("/functions/v1/sync", { body: "{}" }),
      await send("/functions/v1/sync/nothing", { method: "GET" }),
      await send("/functions/v1/sync", { body: `"${"x".repeat(9_000_000)}"` }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 400, 401, 200, 405, 413]);
    for (const { headers, status } of answers) {
      expect(headers.get("cache-control"), String(status)).toBe("no-store");
      expect(headers.get("x-content-type-options"), String(status)).toBe("nosniff");
      expect(headers.get("content-type"), String(status)).toMatch(/^application\/json/);
      expect(headers.get("x-request-id"), String(status)).toBeTruthy();
    }
  });

  it("without a caller are answered with the reason", async () => {
    const said = async (headers: object) => {
      const body = '{"query":"x"}';
      const { text } = await send("/functions/v1/query", { body, headers });
      return (JSON.parse(text) as { error: { message: string } }).error.message;
    };
    expect(await said({ apikey: "sb_secret_x" })).toBe(
      "The secret key does not belong to this project.",
    );
    expect(await said({ apikey: local.publishableKey })).toBe("The request has no token.");
    expect(await said({ authorization: "Bearer x" })).toBe("The token is not valid.");
  });

  it("reveal nothing about the server", async () => {
    const answers = [
      await send("/functions/v1/query", { body: '{"query":"x"}' }),
      await send("/functions/v1/query", { body: "nonsense" }),
      await send("/functions/v1/nothing", { body: "{}" }),
      await send("/rest/v1/agents", { method: "GET", headers: { "accept-profile": "mayfly" } }),
      await send("/rest/v1/rpc/nothing", { body: "{}" }),
      await send("/auth/v1/nothing", { body: "{}" }),
      await send("/health", { method: "GET" }),
    ];
    for (const { headers, text } of answers) {
      for (const name of ["server", "x-powered-by", "x-mayfly-functions-secret", "set-cookie"])
        expect(headers.get(name), name).toBeNull();
      expect(text).not.toMatch(/node_modules|file:\/\/|\.ts:\d+| {4}at /);
    }
  });
});
