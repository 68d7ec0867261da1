import type { DebugRow } from "@mayfly/sdk/contract/debug";
import { DebugBuffer, diffValues, Masker, masked } from "@mayfly/sdk/internal";
import { describe, expect, it } from "vitest";

const mask = (data: unknown) => new Masker().copy(data);

describe("masking", () => {
  it.each([
    "password",
    "db_password",
    "userPassword",
    "PASSWD",
    "secret",
    "clientSecret",
    "clientsecret",
    "accesstoken",
    "token",
    "accessToken",
    "refresh_token",
    "apiKey",
    "api_key",
    "API-KEY",
    "x-api-key",
    "Authorization",
    "Set-Cookie",
    "cookies",
    "private_key",
    "AWS_SECRET_ACCESS_KEY",
    "DATABASE_URL",
    "credentials",
  ])("hides any value with the key %s", (key) => {
    expect(mask({ [key]: "x", nested: [{ [key]: { a: ["b"] } }] })).toEqual({
      [key]: masked,
      nested: [{ [key]: masked }],
    });
  });

  it("keeps values that only look like secrets", () => {
    const data = {
      tokens: 512,
      max_tokens: 4_000,
      tokenizer: "bpe",
      author: "Ada",
      keyboard: "de",
      d: "M 0 0 L 10 10",
    };
    expect(mask(data)).toEqual(data);
    expect(mask({ pin: 1234, password: 5 })).toEqual({ pin: masked, password: masked });
  });

  const jwt = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl";
  it.each([
    ["a JWT", jwt, jwt],
    ["a key of OpenAI", "sk-proj-abcdefghijklmnopqrstuvwx", "sk-proj-abcdefghijklmnopqrstuvwx"],
    ["a key of Anthropic", `sk-ant-${"api03-abcdef"}ghijklmnop`, "api03-abcdef"],
    ["an enrolment key", `mfk_${"0a".repeat(32)}`, "0a0a"],
    ["a renewal secret", `mfr_${"0a".repeat(32)}`, "0a0a"],
    ["a secret key of Supabase", "sb_secret_abcdefghijklmnop", "abcdefgh"],
    ["a token of GitHub", `ghp_${"a1".repeat(18)}`, "a1a1"],
    ["a key of AWS", "AKIAIOSFODNN7EXAMPLE", "IOSFODNN"],
    ["a header", "Authorization: Bearer abcdef123456", "abcdef"],
    ["a connection string", "postgres://me:hunter2@db.example.com/x", "hunter2"],
    ["a connection string with an @ in it", "postgres://me:p@ss@db.example.com/x", "p@ss"],
    ["a query", "https://x.example/?a=1&api_key=abcdef&b=2", "abcdef"],
    ["an assignment", "export OPENAI_API_KEY=abcdef", "abcdef"],
    ["JSON in a text", '{"password": "hunter2 and more", "user": "me"}', "hunter2"],
    [
      "a private key",
      "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----",
      "MHcCAQEE",
    ],
    ["a signing key", `{"kty":"EC","d":"${"-x9_".repeat(11)}"}`, "-x9_"],
    ["a private key that is cut", "-----BEGIN PRIVATE KEY-----\nMHcCAQEE", "MHcCAQEE"],
  ])("hides %s in a text, and keeps the rest", (_what, text, secret) => {
    for (const data of [`before ${text} after`, { note: [text] }, new Error(text)]) {
      const told = JSON.stringify(mask(data));
      expect(told).not.toContain(secret);
      expect(told).toContain(masked);
    }
    expect(mask(`before ${text.split("\n")[0]}`)).toContain("before ");
  });

  it("hides the private part of a signing key, and shows the public one", () => {
    const key = { kty: "EC", x: "a".repeat(43), d: "b".repeat(43) };
    expect(mask({ key })).toEqual({ key: { ...key, d: masked } });
  });

  it("hides what custom rules match", () => {
    const masker = new Masker({ keys: [/^patient/i, /^x$/g], values: [/\bIBAN [A-Z0-9]+/] });
    expect(masker.copy({ patientName: "Ada", x: 1, note: "IBAN DE00 and IBAN DE01" })).toEqual({
      patientName: masked,
      x: masked,
      note: `${masked} and ${masked}`,
    });
  });

  it("returns plain JSON for any value, and never throws", () => {
    const circle: Record<string, unknown> = { name: "circle" };
    circle.self = circle;
    const hostile = {
      get trap() {
        throw new Error("no");
      },
    };
    const proxy = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error("no");
        },
      },
    );
    const data = {
      circle,
      hostile,
      proxy,
      big: 12n,
      nan: Number.NaN,
      date: new Date(0),
      map: new Map([["password", "x"]]),
      set: new Set([1]),
      bytes: new Uint8Array(3),
      nothing: undefined,
      call: () => 1,
      zero: "a\0b\uD800",
      error: Object.assign(new TypeError("bad"), { code: 7, cause: new Error("deep") }),
    };
    const told = mask(data) as Record<string, unknown>;
    expect(told).toMatchObject({
      hostile: "[could not be read]",
      proxy: "[could not be read]",
      big: "12",
      nan: "NaN",
      date: "1970-01-01T00:00:00.000Z",
      map: { password: masked },
      set: [1],
      bytes: "[3 bytes]",
      zero: "ab\uFFFD",
      error: { name: "TypeError", message: "bad", code: 7, cause: { message: "deep" } },
    });
    expect(JSON.parse(JSON.stringify(told))).toEqual(told);
  });

  it("is bounded in size and CPU time, however large the data is", () => {
    const wide = Array.from({ length: 100_000 }, (_, n) => ({ n, text: "x".repeat(100) }));
    const began = process.cpuUsage();
    const told = JSON.stringify(mask({ wide, long: "y".repeat(10_000_000) }));
    expect(told.length).toBeLessThan(100_000);
    expect(told).toContain("(100000 items)");
    expect(told).toContain("(10000000 characters)");
    // Without the bounds, this takes seconds. CPU time is measured, because other processes may use the
    // machine.
    expect(process.cpuUsage(began).user / 1_000).toBeLessThan(1_000);
  });

  it.each([
    [`a://${"b".repeat(30_000)}`],
    ["password".repeat(4_000)],
    ["eyJ".repeat(10_000)],
    ["a_".repeat(15_000)],
    ["?".repeat(30_000)],
  ])("stays fast for a text made to be slow: %#", (text) => {
    const began = process.cpuUsage();
    mask(text);
    expect(process.cpuUsage(began).user / 1_000).toBeLessThan(1_000);
  });
});

describe("the buffer", () => {
  const row = (name: string): DebugRow => ({
    id: name,
    level: 1,
    category: "task",
    name,
    at: "2026-01-01T00:00:00Z",
  });
  const fill = (buffer: DebugBuffer, from: number, to: number, bytes = 10) => {
    for (let n = from; n < to; n++) buffer.add(row(String(n)), bytes);
  };

  it("keeps the newest records, and counts dropped ones", () => {
    const buffer = new DebugBuffer(10, 1_000);
    fill(buffer, 0, 25);
    expect(buffer.size).toBe(10);
    expect(buffer.dropped).toBe(15);
    const batch = buffer.peek(4, 1_000);
    expect(batch).toMatchObject({ first: 15, dropped: 15 });
    expect(batch?.records.map(({ name }) => name)).toEqual(["15", "16", "17", "18"]);
    if (batch) buffer.done(batch);
    expect(buffer.peek(4, 1_000)).toMatchObject({ first: 19, dropped: 0 });
  });

  it("is limited by bytes, too", () => {
    const buffer = new DebugBuffer(1_000, 100);
    fill(buffer, 0, 20);
    expect(buffer.size).toBe(10);
    expect(buffer.peek(100, 35)?.records).toHaveLength(3);
    buffer.add(row("huge"), 10_000);
    expect(buffer.peek(100, 35)?.records.map(({ name }) => name)).toEqual(["huge"]);
  });

  it("counts correctly when records are dropped while a batch is on its way", () => {
    const buffer = new DebugBuffer(5, 1_000);
    fill(buffer, 0, 5);
    const batch = buffer.peek(3, 1_000);
    fill(buffer, 5, 9);
    // Records 0 to 3 were dropped, and 0 to 2 have arrived, so only 3 is missing.
    if (batch) buffer.done(batch);
    expect(buffer.peek(10, 1_000)).toMatchObject({ first: 4, dropped: 1 });
    expect(buffer.dropped).toBe(1);
  });

  it("counts records that were dropped from a batch that was given up", () => {
    const buffer = new DebugBuffer(5, 1_000);
    fill(buffer, 0, 5);
    const batch = buffer.peek(3, 1_000);
    fill(buffer, 5, 9);
    if (batch) buffer.done(batch, false);
    expect(buffer.dropped).toBe(4);
  });
});

describe("the difference of two values", () => {
  it("is deep by key, and treats lists as a whole", () => {
    const from = { a: 1, b: { c: [1, 2], d: "x" }, gone: null };
    const to = { a: 1, b: { c: [1, 3], d: "x" }, fresh: {} };
    expect(diffValues(from, to)).toEqual([
      { path: ["b", "c"], from: [1, 2], to: [1, 3] },
      { path: ["fresh"], to: {} },
      { path: ["gone"], from: null },
    ]);
    expect(diffValues({ a: [{ b: 1 }] }, { a: [{ b: 1 }] })).toEqual([]);
    expect(diffValues(undefined, 1)).toEqual([{ path: [], to: 1 }]);
  });
});
