import { Writable } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import { excerpt } from "../../examples/learn-a-folder/excerpt.ts";
import { extract } from "../../examples/learn-a-folder/extract/index.ts";
import {
  count,
  duration,
  fill,
  printable,
  size,
  wrap,
} from "../../examples/learn-a-folder/format.ts";
import { questionsFor } from "../../examples/learn-a-folder/questions.ts";
import { emptyTally } from "../../examples/learn-a-folder/reader.ts";
import { textReport } from "../../examples/learn-a-folder/report-text.ts";
import { stemsOf, wordsWith } from "../../examples/learn-a-folder/words.ts";

describe("an answer shows", () => {
  const text =
    "# Keys\n\nThere are keys.\n\nNothing here.\nNor here.\n\nThey are rotated on Mondays\nby the lead.\n";
  const section = { text, from: 10, line: 10 };

  test("the lines with the words of the question, with their line numbers", () => {
    expect(excerpt(section, "When do we rotate keys on a Monday?")).toEqual([
      { line: 17, text: "They are rotated on Mondays" },
      { line: 18, text: "by the lead." },
    ]);
  });

  test("the beginning, without the heading, when no line has a word of the question", () => {
    expect(excerpt(section, "zebra")[0]).toEqual({ line: 12, text: "There are keys." });
  });

  test("the heading if there is nothing else", () => {
    expect(excerpt({ text: "# Keys", from: 3, line: 3 }, "x")).toEqual([
      { line: 3, text: "# Keys" },
    ]);
  });

  test("the relevant part of a long line", () => {
    const long = `${"filler ".repeat(100)}the zebra sleeps ${"filler ".repeat(100)}`;
    const [line] = excerpt(
      { text: `# T\n${long}`, from: 1, line: 1 },
      "where does the zebra sleep?",
    );
    expect(line?.text).toContain("the zebra sleeps");
    expect(line?.text.length).toBeLessThan(310);
    expect(line?.text).toMatch(/^….*…$/);
  });

  test("code without its common indentation", () => {
    const code = "class A {\n    if (key) {\n      rotate(key);\n    }\n}";
    expect(
      excerpt({ text: code, from: 1, line: 1 }, "which key?").map((line) => line.text),
    ).toEqual(["if (key) {", "  rotate(key);"]);
  });
});

describe("words of a question", () => {
  test("are found in their other forms", () => {
    const words = wordsWith(stemsOf("How is the signing key rotated?"));
    expect("sign Signature keys KEY rotation monkey".match(words as RegExp)).toEqual([
      "sign",
      "Signature",
      "keys",
      "KEY",
      "rotation",
    ]);
  });

  test("may be missing altogether", () => {
    expect(wordsWith(stemsOf("what is it?"))).toBeNull();
    expect(stemsOf("*+?[(")).toEqual([]);
  });
});

describe("without a question, the demo asks about", () => {
  test("the longest sections of different files, headings first", () => {
    const sections = [
      ["a.md", "# A\nx\n## Long one\nwords words words\n"],
      ["b.md", "# Chapter\nwords words\n"],
      ["c.ts", "export function work() {\n  return 'words words words words words words';\n}\n"],
    ].flatMap(([path = "", text = ""]) =>
      extract(path, text).map((section) => ({ path, section })),
    );
    expect(questionsFor(sections)).toEqual([
      "What is “Long one” about?",
      "What is “Chapter” about?",
      "What does work do?",
    ]);
    expect(questionsFor([])).toEqual([]);
  });

  test("no headings that every project has, no versions and no tests", () => {
    const sections = [
      [
        "README.md",
        `# Tool\n## Installation\n${"words ".repeat(40)}\n## Why is it slow?\nIt waits.\n`,
      ],
      ["CHANGELOG.md", `# Changelog\n## 1.2.0 (2026-01-01)\n${"words ".repeat(40)}\n`],
      ["a.test.ts", `test("does the work", () => {\n  ${"work(); ".repeat(40)}\n});\n`],
      ["clock.ts", `export class Clock extends Machine {\n  ${"turns = 1; ".repeat(20)}\n}\n`],
    ].flatMap(([path = "", text = ""]) =>
      extract(path, text).map((section) => ({ path, section })),
    );
    expect(questionsFor(sections)).toEqual(["Why is it slow?", "What is Clock for?"]);
  });
});

describe("output for people", () => {
  test("shows counts, durations and sizes in words", () => {
    expect(count(1, "file")).toBe("1 file");
    expect(count(1204, "file")).toBe("1,204 files");
    expect([420, 12_400, 180_000, 7.3e6, 1e9].map(duration)).toEqual([
      "0.4 s",
      "12 s",
      "3 min",
      "2 h",
      "12 days",
    ]);
    expect([812, 14_200, 1.34e6].map(size)).toEqual(["812 B", "14 kB", "1.3 MB"]);
  });

  test("breaks long lines between words, and only too long words inside", () => {
    expect(wrap("one two three", 8)).toEqual(["one two", "three"]);
    expect(wrap("abcdefghij", 4)).toEqual(["abcd", "efgh", "ij"]);
  });

  test("fills each line of prose to its end, without counting colours", () => {
    expect(fill("one two three", 7)).toEqual(["one two", "three"]);
    expect(fill("\u001b[1mone\u001b[22m two three", 7)).toEqual([
      "\u001b[1mone\u001b[22m two",
      "three",
    ]);
    expect(fill("", 7)).toEqual([""]);
  });

  test("uses the whole width of a terminal, and marks where the progress line is cut", () => {
    let written = "";
    const stream = new Writable({
      decodeStrings: false,
      write(text: string, _encoding, done) {
        written += text;
        done();
      },
    });
    const terminal = Object.assign(stream, { columns: 70, isTTY: true }) as never;
    const report = textReport(terminal, terminal);
    const words = Array.from({ length: 40 }, () => "word").join(" ");
    report.answer({
      ...{ question: "?", mode: "hybrid", model: null, problem: null, findings: [] },
      written: { model: "test/model", text: words, citations: [] },
    });
    const lines = written.split("\n").filter((line) => line.includes("word word"));
    // With one more word, the line would be 71 characters wide.
    expect(Math.max(...lines.map((line) => line.length))).toBeGreaterThan(70 - 5);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(70);
    report.alive([{ name: "a", status: `reading ${"long/".repeat(20)}file.ts` }]);
    report.progress(emptyTally(), 12);
    expect(stripVTControlCharacters(written.split("\r").at(-1) ?? "")).toMatch(/^ .{60,68}…$/);
    report.modelFailed("It is away.");
    report.modelFailed("It is away.");
    expect(written.match(/is asked again: It is away\./g)).toHaveLength(1);
  });

  test("says which reader does what, how many agents there were, and large numbers with separators", () => {
    let written = "";
    const stream = new Writable({
      decodeStrings: false,
      write(text: string, _encoding, done) {
        written += text;
        done();
      },
    });
    const terminal = Object.assign(stream, { columns: 200, isTTY: true }) as never;
    const report = textReport(terminal, terminal);
    report.alive([
      { name: "baetis-1", status: "" },
      { name: "cloeon-1", status: "reading its 660 files" },
    ]);
    report.progress({ ...emptyTally(), files: 1_300, added: 7_216 }, 2_640);
    const live = stripVTControlCharacters(written.split("\r").at(-1) ?? "");
    expect(live).toContain(
      "1,300 of 2,640 files · 7,216 episodes new · 2 readers alive, cloeon-1 is reading its 660 files",
    );
    const member = (role: "lead" | "reader" | "newcomer") => ({
      ...{ id: role, name: role, role, spawnedAt: new Date(), endedAt: new Date() },
      ...{ files: 1, episodes: 1 },
    });
    const members = [member("lead"), member("reader"), member("reader"), member("newcomer")];
    const tally = { ...emptyTally(), added: 7_216, unchanged: 6_000 };
    const lesson = { tally, again: true, total: 13_216, seenAlive: 2 };
    report.learned(lesson, members);
    expect(written).toContain("7,216 new; 6,000 unchanged. Presence showed 2 readers alive");
    report.finished({
      ...{ folder: "/", members, lesson, answers: [], thinking: null, ms: 1_000 },
      ...{ interrupted: false, error: null },
    });
    expect(stripVTControlCharacters(written)).toContain(
      "4 agents (a lead, 2 readers, a newcomer) · 13,216 episodes",
    );
  });

  test("lets no file control the terminal", () => {
    expect(printable("a\u001b[31mb\u0007\tc\r")).toBe("a[31mb  c");
  });
});
