import { access, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

import { data, folder, learn, notes, setUp, start, write } from "./demo.ts";

setUp();

describe("a team learns a folder", () => {
  test("and a newcomer answers from what it learned, after everybody else has ended", async () => {
    await write(notes);
    const result = await learn("When is the signing key rotated?", "wind the clock", "lunch");

    const best = result.answers.map(({ findings }) => findings[0]);
    expect(best.map((one) => `${one?.path}:${one?.line} ${one?.title}`)).toEqual([
      "keys.md:3 Keys › Rotation",
      "src/clock.ts:2 export function wind(turns: number): void",
      "lunch.txt:1 lunch.txt: Lunch is at noon, in the garden if the sun shines.",
    ]);
    const readers = result.agents.filter((agent) => agent.role === "reader");
    expect(readers).toHaveLength(3);
    for (const one of best) {
      expect(readers.map((reader) => reader.name)).toContain(one?.agent);
      expect(one?.endedAt).toEqual(expect.any(String));
    }
    expect(result.agents.every((agent) => agent.endedAt !== null)).toBe(true);
    expect(result.seenAlive).toBeGreaterThan(0);
    expect(result.files).toMatchObject({ read: 3, skipped: { hidden: 1, ignored: 1 } });
    expect(result.episodes).toMatchObject({ new: 3, remembered: 3 });

    // Nothing is left running.
    expect(result.supabase.how).toBe("started");
    await expect(fetch(`${result.supabase.url}/health`)).rejects.toThrow();
    await expect(access(join(data, "running.json"))).rejects.toThrow();
  });

  test("in plain lines without a terminal, and the second run learns only what changed", async () => {
    await write({ ...notes, "old.md": "# Old\nGone tomorrow.\n" });
    const { code, out } = await start([folder, "When is the key rotated?"]).ended;
    expect(code).toBe(0);
    expect(out).not.toContain("\u001b");
    expect(out).toContain("Learned 4 episodes from 4 files.");
    expect(out).toMatch(/They are all gone\. \S+ is new, has read nothing/);
    expect(out).toMatch(
      /1\. Keys › Rotation\n +keys\.md:3 +score 0\.\d\d · learned by \S+, gone for/,
    );
    expect(out).toContain("4 │ The signing key is rotated on the first Monday.");
    expect(out).toContain("Nothing is left running.");

    await rm(join(folder, "old.md"));
    await write({
      "keys.md": notes["keys.md"].replace("Monday", "Friday"),
      "src/clock.ts": `\n${notes["src/clock.ts"]}`,
      "new.md": "# New\nJust in.\n",
    });
    const { episodes, answers } = await learn("Which day is the signing key rotated?");
    expect(episodes).toMatchObject({
      new: 1,
      changed: 1,
      moved: 1,
      removed: 1,
      unchanged: 1,
      remembered: 4,
    });
    expect(JSON.stringify(answers)).toContain("first Friday");
    expect(JSON.stringify(answers)).not.toContain("first Monday");
  });
});

describe("Ctrl-C", () => {
  const sections = 1200;
  const manyFiles = () =>
    Object.fromEntries(
      Array.from({ length: 120 }, (_, file) => [
        `notes/${file}.md`,
        Array.from({ length: sections / 120 }, (_, n) => `# Note ${file}.${n}\nbody ${n}\n`).join(
          "",
        ),
      ]),
    );

  test("in the middle keeps what was acknowledged, and the next run completes it", async () => {
    await write(manyFiles());
    const run = start([folder, "x"]);
    await run.says(" of 120 files");
    const pressed = performance.now();
    run.child.kill("SIGINT");
    const { code, out, err } = await run.ended;
    expect(performance.now() - pressed).toBeLessThan(60_000);
    expect(code).toBe(130);
    expect(out).toContain("Stopped.");
    expect(err).toBe("");
    await expect(access(join(data, "running.json"))).rejects.toThrow();

    const { episodes } = await learn("x");
    expect(episodes).toMatchObject({ changed: 0, moved: 0, removed: 0, remembered: sections });
    expect(episodes.unchanged).toBeGreaterThan(0);
    expect(episodes.new).toBe(sections - (episodes.unchanged ?? 0));
  });

  test("while the embedded Supabase starts leaves nothing running", async () => {
    await write(notes);
    const run = start([folder, "x"]);
    await run.says("folder");
    run.child.kill("SIGINT");
    expect(await run.ended).toMatchObject({ code: 130, err: "" });
    await expect(access(join(data, "running.json"))).rejects.toThrow();
  });
});

describe("an error is one sentence", () => {
  test.each([
    [["/no/such/folder"], {}, 2, "There is no folder /no/such/folder.\n"],
    [["--agents", "0"], {}, 2, /^option '--agents <number>' .* from 1 to 50\.\n$/],
  ])("for the arguments %j", async (args, env, expected, message) => {
    const { code, out, err } = await start(args, env).ended;
    expect({ code, out }).toEqual({ code: expected, out: "" });
    expect(err).toEqual(message instanceof RegExp ? expect.stringMatching(message) : message);
  });

  test("for a folder without anything to read", async () => {
    await write({ "picture.png": "\0" });
    const { code, out, err } = await start([folder, "x"]).ended;
    expect(code).toBe(2);
    expect(err).toBe(
      `Failed: There is nothing to learn in ${folder}: it has no text file that may be read.\n`,
    );
    expect(out).not.toContain("agents read them");
  });

  test("for a project that cannot be reached, or without its key", async () => {
    const url = "http://127.0.0.1:1";
    const missing = await start([folder], { MAYFLY_URL: url }).ended;
    expect(missing.code).toBe(2);
    expect(missing.err).toContain("MAYFLY_KEY must be set too");
    const env = {
      MAYFLY_URL: url,
      MAYFLY_KEY: "sb_secret_x",
      MAYFLY_TENANT: crypto.randomUUID(),
    };
    await write(notes);
    const { code, err } = await start([folder], env).ended;
    expect(code).toBe(1);
    expect(err).toMatch(/Failed: .*could not be reached/);
  });
});
