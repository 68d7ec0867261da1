/**
 * The rules of the house. Each test has a made-up tree that breaks one rule, which has to be reported.
 */
import { describe, expect, it } from "vitest";
import { brokenRules, type House, pruned } from "../../scripts/house/rules.ts";

const none: House = { rooms: [] };

/** The broken rules in a tree of these files, by path. */
const broken = (files: Record<string, string>, house: Partial<House> = {}) =>
  brokenRules(
    Object.entries(files).map(([file, text]) => ({ file, text })),
    { ...none, ...house },
  );

const two = { rooms: ["memory", "messages"] };
/** Each room has its four places. */
const places = Object.fromEntries(
  two.rooms.flatMap((room) => [
    [`sql/${room}/functions/about_${room}.sql`, `create function mayfly.about_${room}()\n`],
    [`sdk/src/${room}/index.ts`, ""],
    [`tests/${room}/index.test.ts`, ""],
    [`docs/${room}.md`, ""],
  ]),
);
const sdk = {
  "sdk/package.json": '{ "name": "@mayfly/sdk", "exports": { ".": "./src/index.ts" } }',
};

describe("a room has the same name everywhere", () => {
  it("and a tree with all places is right", () => {
    expect(broken(places, two)).toEqual([]);
  });

  it("so a missing place is reported", () => {
    const { "docs/messages.md": _, ...without } = places;
    expect(broken(without, two)).toEqual([
      "docs/messages.md is missing: a room has the same name in sql/, sdk/src/, tests/ and docs/.",
    ]);
    expect(broken(without, { ...two, missing: ["docs/messages.md"] })).toEqual([]);
  });

  it("so a folder that is not a room is reported", () => {
    expect(broken({ ...places, "sql/attic/policies.sql": "" }, two)).toEqual([
      "sql/attic is named after no room of sql/rooms.json: move its files to a room, or add the room there.",
    ]);
    expect(broken({ ...places, "tests/harness/seed.ts": "" }, two)).toEqual([]);
  });

  it("so a file of the SDK must be in a room", () => {
    expect(broken({ "sdk/src/helpers.ts": "" })).toEqual([
      "sdk/src/helpers.ts stands in no room: move it into a folder of sdk/src.",
    ]);
  });
});

describe("a room uses only rooms before it", () => {
  const messages = { "sdk/src/messages/send.ts": "export const send = 1;" };
  const backwards = (text: string) =>
    broken({ ...places, ...messages, "sdk/src/memory/recall.ts": text }, two);
  const sentence =
    "sdk/src/memory/recall.ts imports sdk/src/messages/send.ts, but the room messages comes after memory in sql/rooms.json. Move what they share to the earlier room, or pass it in.";

  it.each([
    ["a value", 'import { send } from "../messages/send.ts";'],
    ["a type", 'import type { send } from "../messages/send.ts";'],
    ["an export", 'export { send } from "../messages/send.ts";'],
    ["everything that another exports", 'export * from "../messages/send.ts";'],
    ["a later import", 'const { send } = await import("../messages/send.ts");'],
    ["the type of an import", 'let send: typeof import("../messages/send.ts");'],
  ])("also for %s", (_, text) => {
    expect(backwards(text)).toEqual([sentence]);
  });

  it("and text in comments and strings does not count", () => {
    const memory = { "sdk/src/memory/recall.ts": "export const recall = 1;" };
    const forwards = 'import { recall } from "../memory/recall.ts";';
    expect(broken({ ...places, ...memory, "sdk/src/messages/a.ts": forwards }, two)).toEqual([]);
    expect(
      backwards('// import "../messages/send.ts";\nconst a = `import("../messages/send.ts")`;'),
    ).toEqual([]);
  });

  it("except for listed exceptions, which must be removed when they are fixed", () => {
    const imports = ["sdk/src/memory/recall.ts → sdk/src/messages/send.ts"];
    const files = {
      ...places,
      ...messages,
      "sdk/src/memory/recall.ts": 'import "../messages/send.ts";',
    };
    expect(broken(files, { ...two, imports })).toEqual([]);
    expect(broken(places, { ...two, imports })).toEqual([
      `${imports[0]} is no exception any more: delete it from "imports" in sql/rooms.json, or run npm run house -- --prune.`,
    ]);
  });

  it("and agent.ts, mayfly.ts and index.ts come last", () => {
    const files = {
      ...places,
      "sdk/src/agent.ts": "",
      "sdk/src/memory/a.ts": 'import "../agent.ts";',
    };
    expect(broken(files, two)).toEqual([
      "sdk/src/memory/a.ts imports sdk/src/agent.ts, but sdk/src/agent.ts puts the rooms together and comes last. Pass in what this file needs of it.",
    ]);
  });

  it("and the contract uses nothing, and the link only the contract", () => {
    const files = { "sdk/src/contract/a.ts": 'import "../link/b.ts";', "sdk/src/link/b.ts": "" };
    expect(broken(files)).toEqual([
      "sdk/src/contract/a.ts imports sdk/src/link/b.ts, but the room link comes after contract in sql/rooms.json. Move what they share to the earlier room, or pass it in.",
    ]);
  });
});

describe("a part uses another through its public entry", () => {
  const inside = {
    ...sdk,
    "sdk/src/index.ts": "",
    "sdk/src/link/call.ts": "",
    "sdk/src/contract/errors.ts": "",
  };
  const reasons = (file: string, specifier: string, more: Record<string, string> = {}) =>
    broken({ ...inside, ...more, [file]: `import "${specifier}";` }).map(
      (sentence) => /, but (.*?)\. /.exec(sentence)?.[1],
    );

  it("so functions import only the contract", () => {
    expect(reasons("functions/sync/a.ts", "../../sdk/src/contract/errors.ts")).toEqual([]);
    expect(reasons("functions/sync/a.ts", "../../sdk/src/link/call.ts")).toEqual([
      "functions/ use nothing of ours but sdk/src/contract",
    ]);
  });

  it("so the embedded Supabase imports nothing of ours", () => {
    expect(reasons("local/src/a.ts", "@mayfly/sdk")).toEqual(["local/ uses nothing else of ours"]);
  });

  it.each(["cli/a.ts", "tests/examples/a.ts"])("so %s imports only the three entries", (file) => {
    const own = {
      "sdk/package.json":
        '{ "name": "@mayfly/sdk", "exports": { ".": "./src/index.ts", "./contract/*": "./src/contract/*.ts", "./internal": "./src/internal.ts" } }',
      "sdk/src/internal.ts": 'export * from "./link/call.ts";',
    };
    for (const door of ["", "/contract/errors", "/internal"])
      expect(reasons(file, `@mayfly/sdk${door}`, own)).toEqual([]);
    const up = "../".repeat(file.split("/").length - 1);
    expect(reasons(file, `${up}sdk/src/link/call.ts`, own)[0]).toMatch(
      /enters through @mayfly\/sdk/,
    );
    expect(reasons("sdk/src/link/b.ts", "../internal.ts", own)[0]).toBe(
      "internal.ts is for other parts",
    );
  });

  it.each(["console/a.ts", "adapters/mcp/a.ts", "examples/a.ts"])(
    "so %s imports only @mayfly/sdk",
    (file) => {
      expect(reasons(file, "@mayfly/sdk")).toEqual([]);
      const up = "../".repeat(file.split("/").length - 1);
      expect(reasons(file, `${up}sdk/src/link/call.ts`)).toEqual([
        "it may use only what @mayfly/sdk exports",
      ]);
    },
  );

  it("so a test uses @mayfly/sdk and #harness, and only tests/local uses the inside of local/", () => {
    const harness = {
      "package.json": '{ "imports": { "#harness/*": "./tests/harness/*" } }',
      "tests/harness/seed.ts": "",
      "local/src/log.ts": "",
    };
    const of = (file: string, specifier: string) => reasons(file, specifier, harness);
    expect(of("tests/examples/a.ts", "@mayfly/sdk")).toEqual([]);
    expect(of("tests/examples/a.ts", "#harness/seed.ts")).toEqual([]);
    expect(of("tests/local/a.ts", "../../local/src/log.ts")).toEqual([]);
    expect(of("tests/examples/a.ts", "../../local/src/log.ts")).toEqual([
      "only tests/local/ may look inside local/",
    ]);
    expect(of("local/src/log.ts", "../../tests/harness/seed.ts")).toEqual([
      "what is shipped uses nothing of tests/ or scripts/",
    ]);
  });
});

describe("every call crosses the network through the link", () => {
  const calls = (text: string, file = "sdk/src/memory/recall.ts") =>
    broken({ ...places, [file]: text }, two).map((sentence) => /calls (.*?):/.exec(sentence)?.[1]);

  it.each([
    ['this.#client.rpc("recall")', "this.#client.rpc"],
    ['link.client.rpc("recall")', "link.client.rpc"],
    ['mayfly.client!.functions.invoke("query")', "mayfly.client.functions.invoke"],
    ['fetch("https://example.com")', "fetch"],
    ['globalThis.fetch("https://example.com")', "globalThis.fetch"],
    ['new WebSocket("wss://example.com")', "new WebSocket"],
  ])("so %s in a room is named", (text, call) => {
    expect(calls(`const answer = await ${text};`)).toEqual([call]);
    expect(calls(text, "sdk/src/link/call.ts")).toEqual([]);
    expect(calls(text, "cli/src/doctor.ts")).toEqual([]);
  });

  it("and link.rpc, link.fn, and methods of these names are right", () => {
    const text = `
      await link.rpc("recall", {}, form); await this.#link.rpc("recall", {}, form);
      await this.#link.fn("query", form, {}); await source.fetch(after); // fetch("x")`;
    expect(calls(text)).toEqual([]);
  });
});

describe("files have no import cycles", () => {
  it("of values or of types, in any part", () => {
    const files = {
      "scripts/a.ts": 'import { b } from "./b.ts";',
      "scripts/b.ts": 'import { c } from "./c.ts"; import "./d.ts";',
      "scripts/c.ts": 'import type { A } from "./a.ts";',
      "scripts/d.ts": "",
    };
    expect(broken(files)).toEqual([
      "scripts/a.ts → scripts/b.ts → scripts/c.ts → scripts/a.ts is a circle of imports: move what they share to a file that imports none of them.",
    ]);
    expect(broken({ ...files, "scripts/c.ts": "" })).toEqual([]);
  });

  it("and of cycles that share files, only the shortest is named", () => {
    const files = {
      "scripts/a.ts": 'import "./b.ts"; import "./c.ts";',
      "scripts/b.ts": 'import "./c.ts";',
      "scripts/c.ts": 'import "./a.ts";',
      "tests/docs/x.ts": 'import "./y.ts";',
      "tests/docs/y.ts": 'import "./x.ts";',
    };
    expect(broken(files).map((sentence) => sentence.split(" is a ")[0])).toEqual([
      "scripts/a.ts → scripts/c.ts → scripts/a.ts",
      "tests/docs/x.ts → tests/docs/y.ts → tests/docs/x.ts",
    ]);
  });
});

describe("a file has at most 300 lines", () => {
  it("except for generated files and listed exceptions", () => {
    const file = "scripts/long.ts";
    expect(broken({ [file]: "\n".repeat(300) })).toEqual([]);
    expect(broken({ [file]: "\n".repeat(301) })).toEqual([
      "scripts/long.ts has 301 lines, and 300 is the most: move one of its ideas to a file of its own.",
    ]);
    expect(broken({ [file]: "\n".repeat(301) }, { long: [file] })).toEqual([]);
    expect(broken({ "supabase/migrations/1_a.sql": "\n".repeat(301) })).toEqual([]);
  });
});

describe("a file of SQL makes one public function", () => {
  const file = "sql/memory/functions/recall.sql";
  const house = {
    rooms: ["memory"],
    missing: ["sdk/src/memory", "tests/memory", "docs/memory.md"],
  };
  const made = (...names: string[]) =>
    broken({ [file]: names.map((name) => `create function ${name}()\n`).join("") }, house);

  it("together with its private half, in a file with its name", () => {
    expect(made("mayfly_private.recall", "mayfly.recall")).toEqual([]);
    expect(made("mayfly_private.recall")).toEqual([]);
  });

  it("and not two, or in a file with another name", () => {
    expect(made("mayfly.recall", "mayfly.forget")).toEqual([
      `${file} makes 2 public functions (recall, forget): give each a file of its own.`,
    ]);
    expect(made("mayfly_private.recall", "mayfly.forget")).toEqual([
      `${file} makes forget: name the file after its function.`,
    ]);
  });
});

describe("a file of SQL makes one table", () => {
  const file = "sql/memory/tables/memories.sql";
  const house = {
    rooms: ["memory"],
    missing: ["sdk/src/memory", "tests/memory", "docs/memory.md"],
  };
  const made = (...names: string[]) =>
    broken({ [file]: names.map((name) => `create table mayfly.${name} (\n`).join("") }, house);

  it("and is named after it", () => {
    expect(made("memories")).toEqual([]);
    expect(made("memories", "old_memories")).toEqual([
      `${file} makes memories, old_memories: give each table a file with its name.`,
    ]);
    expect(made("others")).toEqual([`${file} makes others: give each table a file with its name.`]);
  });
});

describe("pruning", () => {
  it("removes only exceptions that no longer apply", () => {
    const tree = [{ file: "scripts/long.ts", text: "\n".repeat(301) }];
    const house = { rooms: [], long: ["scripts/long.ts", "scripts/gone.ts"], exceptions: ["sql"] };
    expect(pruned(tree, house)).toEqual({ ...house, long: ["scripts/long.ts"] });
  });
});
