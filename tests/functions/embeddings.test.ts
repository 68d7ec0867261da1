/** Errors of an embeddings endpoint, and their effects on the caller and in the queue. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { personOf, signIn, startTestLocal, type TestLocal, tokenOf } from "#harness/local";
import { putOf } from "#harness/operations";
import { createEndpointEmbedder } from "../../functions/_shared/endpoint_embedder.ts";

interface Asked {
  model: string;
  input: string[];
  dimensions: number;
}
type Answer = { status?: number; body: unknown } | "nothing";

const vector = (text: string, length = 384) =>
  Array.from({ length }, (_, at) => Math.sin(at + text.length));
const vectors = ({ input }: Asked, make: (text: string) => number[] = vector): Answer => ({
  body: { data: input.map((text, index) => ({ index, embedding: make(text) })).reverse() },
});

const key = "sk-nobody-may-read-this";
let answer: (asked: Asked) => Answer = vectors;
let asked: Asked[] = [];
const endpoint = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  const question = JSON.parse(body) as Asked;
  asked.push(question);
  const given = answer(question);
  if (given === "nothing") return;
  response.writeHead(given.status ?? 200, { "content-type": "application/json" });
  response.end(typeof given.body === "string" ? given.body : JSON.stringify(given.body));
});
let url: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => endpoint.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/v1/embeddings?key=${key}`;
});
afterAll(() => {
  endpoint.closeAllConnections();
  endpoint.close();
});

describe("an embeddings endpoint", () => {
  const embedderOf = (to = url) => createEndpointEmbedder({ url: to, model: "m", key });

  it("is asked for 384 numbers for texts cut to the model's limit, and may answer in any order", async () => {
    answer = vectors;
    asked = [];
    const texts = ["short", "😀".repeat(10_000)];
    const made = await embedderOf().embed(texts, 1_000, 384);
    expect(asked).toMatchObject([{ model: "m", dimensions: 384 }]);
    expect(asked[0]?.input.map((text) => text.length)).toEqual([5, 8_000]);
    expect(made[0]).toEqual(vector("short"));
  });

  it("has its vectors cut and normalised for a Matryoshka model, or padded with zeros", async () => {
    answer = (to) => vectors(to, (text) => vector(text, 1_024));
    const cut = createEndpointEmbedder({ url, model: "nomic-embed-text-v1.5", key });
    const [made = []] = await cut.embed(["a text"], 1_000, 256);
    expect(made).toHaveLength(256);
    expect(Math.hypot(...made)).toBeCloseTo(1, 10);
    const whole = vector("a text", 256);
    expect(made[7]).toBeCloseTo((whole[7] ?? 0) / Math.hypot(...whole), 10);
    const told = createEndpointEmbedder({ url, model: "m", key, matryoshka: true });
    expect((await told.embed(["a text"], 1_000, 256))[0]).toEqual(made);
    answer = (to) => vectors(to, (text) => vector(text, 300));
    const [longer] = await embedderOf().embed(["a text"], 1_000, 768);
    expect(longer).toEqual([...vector("a text", 300), ...Array(468).fill(0)]);
  });

  it("is asked without a length if it accepts none", async () => {
    asked = [];
    answer = (to) =>
      to.dimensions
        ? { status: 400, body: { error: "This model does not support specifying dimensions." } }
        : vectors(to);
    const embedder = embedderOf();
    for (const text of ["one", "two"])
      expect(await embedder.embed([text], 1_000, 384)).toEqual([vector(text)]);
    expect(asked.map(({ dimensions }) => dimensions)).toEqual([384, undefined, undefined]);
  });

  const refused = "a secret the endpoint tells";
  it.each<[string, (asked: Asked) => Answer, RegExp, boolean]>([
    [
      "401 for a wrong key",
      () => ({ status: 401, body: refused }),
      /401: check MAYFLY_EMBEDDINGS_KEY$/,
      false,
    ],
    [
      "404 for a wrong path",
      () => ({ status: 404, body: refused }),
      /404: check MAYFLY_EMBEDDINGS_URL/,
      false,
    ],
    ["400 for a long text", () => ({ status: 400, body: refused }), /answered 400$/, true],
    ["500 for a failure", () => ({ status: 500, body: refused }), /answered 500$/, false],
    ["a web page", () => ({ body: "<html>" }), /OpenAI's/, false],
    ["JSON of another form", () => ({ body: { embeddings: [] } }), /OpenAI's/, false],
    ["too few vectors", () => ({ body: { data: [] } }), /left some texts out/, false],
    [
      "vectors of another length",
      (to) => vectors(to, (text) => vector(text, 1536)),
      /returned 1536 numbers/,
      false,
    ],
    ["a vector of zeros", (to) => vectors(to, () => Array(384).fill(0)), /all 0/, true],
    [
      "a vector out of bounds",
      (to) => vectors(to, () => Array(384).fill(1e6)),
      /out of bounds/,
      true,
    ],
    ["no answer", () => "nothing", /did not answer within 0.2 s$/, false],
  ])("that returns %s is reported, without secrets", async (_what, given, reason, ofText) => {
    answer = given;
    const error = await embedderOf()
      .embed(["text"], 200, 384)
      .catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ message: expect.stringMatching(reason), ofText });
    expect(`${error}`).not.toContain(key);
    expect(`${error}`).not.toContain(refused);
  });

  it.each([
    ["http://127.0.0.1:1/?key=sk-nobody", /could not be reached: check MAYFLY_EMBEDDINGS_URL$/],
    ["api.openai.com/v1/embeddings", /no URL: check MAYFLY_EMBEDDINGS_URL$/],
  ])("at %s is reported as unreachable", async (nowhere, reason) => {
    await expect(embedderOf(nowhere).embed(["text"], 1_000, 384)).rejects.toThrow(reason);
  });
});

describe("a project with embeddings from an endpoint", () => {
  let local: TestLocal;
  beforeAll(async () => {
    process.env.MAYFLY_EMBEDDINGS_URL = url;
    process.env.MAYFLY_EMBEDDINGS_KEY = key;
    local = await startTestLocal();
    delete process.env.MAYFLY_EMBEDDINGS_URL;
    delete process.env.MAYFLY_EMBEDDINGS_KEY;
  });
  afterAll(() => local?.close());

  it("asks the endpoint nothing for a caller that the database refuses", async () => {
    const { tenant } = await local.enter();
    const stranger = await tokenOf(local, await personOf(local, {}));
    const viewer = await signIn(local, tenant, "viewer");
    const send = async (name: string, token: string, body: unknown) => {
      const response = await fetch(`${local.apiUrl}/functions/v1/${name}`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "x-mayfly-tenant": tenant },
        body: JSON.stringify(body),
      });
      return ((await response.json()) as { error: { code: string } | null }).error?.code;
    };
    answer = vectors;
    asked = [];
    expect(await send("query", stranger, { query: "Which key?" })).toBe("tenant_unknown");
    expect(await send("sync", stranger, { push: [putOf()] })).toBe("tenant_unknown");
    expect(await send("sync", viewer, { push: [putOf()] })).toBe("scope_missing");
    expect(asked).toEqual([]);
    expect(await send("query", viewer, { query: "Which key?" })).toBeUndefined();
    expect(asked).toHaveLength(1);
  });

  it("says why a recall uses only words, and why waiting memories have no vector", async () => {
    const { tenant, mayfly } = await local.enter();
    const agent = await spawnIn(mayfly);
    answer = () => ({ status: 401, body: "" });
    await agent.remember({ task: "Rotate the key" });
    expect(dataOf(await agent.sync())).toMatchObject({ pushed: 1, rejected: 0 });
    const reason = "the embeddings endpoint answered 401: check MAYFLY_EMBEDDINGS_KEY";
    expect(dataOf(await agent.recall("key"))).toMatchObject({
      mode: "words_only",
      problem: reason,
      results: [{ task: "Rotate the key" }],
    });
    /** A failed attempt is repeated after 30 s. */
    const due = () => local.advance("31 seconds");
    await expect
      .poll(
        () =>
          local.sql`select error from mayfly_private.embedding_queue where tenant_id = ${tenant}`,
      )
      .toEqual([{ error: reason }]);

    answer = vectors;
    // Only the question has an embedding, so nothing is found by meaning.
    expect(dataOf(await agent.recall("key"))).toMatchObject({
      mode: "words_only",
      problem: expect.stringMatching(/^no memory has a vector of text-embedding-3-small/),
      results: [{ task: "Rotate the key" }],
    });
    await due();
    expect(dataOf(await mayfly.memory.reembed())).toMatchObject({ embedded: 1, left: 0 });
    answer = () => ({ status: 500, body: "" });
    await agent.remember({ task: "Another" });
    dataOf(await agent.sync());
    const abort = new AbortController();
    const broken = await mayfly.memory.reembed({
      signal: abort.signal,
      onProgress: ({ problem }) => problem && abort.abort(),
    });
    expect(dataOf(broken)).toMatchObject({
      left: 1,
      problem: "the embeddings endpoint answered 500",
    });
    answer = vectors;
    expect(dataOf(await agent.recall("key"))).toMatchObject({ mode: "hybrid", problem: null });
    await agent.stop();
  });

  it("embeds the rest of a push if one text is refused or gives zeros", async () => {
    const { tenant, mayfly } = await local.enter();
    const agent = await spawnIn(mayfly);
    for (const bad of ["too long", "nothing in it"]) {
      await agent.remember({ task: bad });
      await agent.remember({ task: `beside ${bad}` });
      await agent.remember({ task: `behind ${bad}` });
    }
    answer = (to) =>
      to.input.includes("too long")
        ? { status: 400, body: "" }
        : vectors(to, (text) => (text === "nothing in it" ? Array(384).fill(0) : vector(text)));
    expect(dataOf(await agent.sync())).toMatchObject({ pushed: 6, rejected: 0 });
    const waiting = () => local.sql`
      select m.task, q.error from mayfly_private.embedding_queue q
      join mayfly.memories m on m.tenant_id = q.tenant_id and m.id = q.memory_id
      where q.tenant_id = ${tenant} order by m.task`;
    const drained = async () => {
      await fetch(`${local.apiUrl}/functions/v1/sync/drain`, {
        method: "POST",
        headers: { apikey: local.secretKey, "x-mayfly-tenant": tenant },
      });
      return waiting();
    };
    await expect.poll(drained).toMatchObject([
      { task: "nothing in it", error: expect.stringContaining("all 0") },
      { task: "too long", error: expect.stringContaining("answered 400") },
    ]);
    await agent.stop();
  });

  it("never refuses a push for the number or size of vectors that it made", async () => {
    const { tenant } = await local.enter();
    answer = vectors;
    const push = async (count: number, input: string) => {
      const response = await fetch(`${local.apiUrl}/functions/v1/sync`, {
        method: "POST",
        headers: { apikey: local.secretKey, "x-mayfly-tenant": tenant },
        body: JSON.stringify({ push: Array.from({ length: count }, () => putOf({ input })) }),
      });
      return (await response.json()) as {
        data: { results: unknown[]; embedding: { made: number; problem: string | null } } | null;
        error: unknown;
      };
    };
    const many = await push(101, "short");
    expect(many.error).toBeNull();
    expect(many.data?.results).toHaveLength(101);
    expect(many.data?.embedding.made).toBeLessThanOrEqual(100);
    // 4.16 MB of the 4.19 MB that a push may have.
    const large = await push(42, "a".repeat(99_000));
    expect(large.error).toBeNull();
    expect(large.data?.results).toHaveLength(42);
    expect(large.data?.embedding).toMatchObject({ made: 0, problem: expect.any(String) });
  });
});
