import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { extractMarkdown } from "../../examples/learn-a-folder/extract/markdown.ts";

const titles = (text: string) => extractMarkdown(text, "a.md").map((section) => section.title);

describe("when Markdown is split at its headings,", () => {
  test("each heading is a section with the headings above it and its own line", () => {
    const text = "# Top\nintro\n\n## One\nfirst\n### Deep\ndeepest\n## Two\nsecond\n";
    expect(extractMarkdown(text, "a.md")).toEqual([
      { title: "Top", kind: "heading", line: 1, from: 1, text: "# Top\nintro" },
      { title: "Top › One", kind: "heading", line: 4, from: 4, text: "## One\nfirst" },
      { title: "Top › One › Deep", kind: "heading", line: 6, from: 6, text: "### Deep\ndeepest" },
      { title: "Top › Two", kind: "heading", line: 8, from: 8, text: "## Two\nsecond" },
    ]);
  });

  test("a heading with only subheadings is not a section, but an empty heading is", () => {
    expect(titles("# Top\n\n## One\n\n## Two\nx\n")).toEqual(["Top › One", "Top › Two"]);
  });

  test("a level that is skipped and a level that returns keep the right parents", () => {
    expect(titles("# A\n### B\nx\n## C\ny\n# D\nz\n")).toEqual(["A › B", "A › C", "D"]);
  });

  test("text before the first heading belongs to the file", () => {
    expect(extractMarkdown("hello\n\n# Top\nx", "notes.md")[0]).toEqual({
      title: "notes.md",
      kind: "text",
      line: 1,
      from: 1,
      text: "hello",
    });
  });

  test("a file without headings is one section", () => {
    expect(titles("just\n\nwords\n")).toEqual(["a.md"]);
  });

  test("an empty or blank file has no sections", () => {
    expect(titles("")).toEqual([]);
    expect(titles("\n \n\t\n")).toEqual([]);
  });

  test("front matter is left out", () => {
    expect(titles("---\ntitle: x\n# no heading\n---\n# Real\nx\n")).toEqual(["Real"]);
  });

  test("underlined headings are headings; rules, lists and tables are not", () => {
    expect(titles("Top\n===\nx\n\nSub\n---\ny\n")).toEqual(["Top", "Top › Sub"]);
    expect(titles("# T\n- item\n---\n\n| a |\n---\n\ntext\n\n---\nmore\n")).toEqual(["T"]);
  });

  test("titles are shown without their markup", () => {
    expect(titles("## `sync` and **push** ##\nx")).toEqual(["sync and push"]);
    expect(titles("## See [the docs](http://x/y) {#see}\nx")).toEqual(["See the docs"]);
    expect(titles("#hashtag\n#\n\n####### seven\n")).toEqual(["a.md"]);
  });

  test("Windows and old Mac line ends count like others", () => {
    expect(extractMarkdown("# A\r\nx\r\n## B\r\ny\r\n", "a.md").map((one) => one.line)).toEqual([
      1, 3,
    ]);
    expect(titles("# A\rx\r## B\ry")).toEqual(["A", "A › B"]);
  });
});

describe("text in a code fence is not a heading", () => {
  test("with backticks, tildes, an info string, in a list", () => {
    expect(titles("# A\n```sh\n# comment\n```\n~~~\n# tilde\n~~~\n")).toEqual(["A"]);
    expect(titles("# A\n1. do:\n   ```sh\n   # comment\n   ```\n- ```\n  # x\n  ```\n")).toEqual([
      "A",
    ]);
  });

  test("and a shorter or different fence does not close the fence", () => {
    expect(titles("# A\n````\n```\n# no\n````\n## B\nx\n")).toEqual(["A", "A › B"]);
    expect(titles("# A\n```\n~~~\n# no\n``` js\n# no\n```\n## B\nx\n")).toEqual(["A", "A › B"]);
  });

  test("and a fence that is never closed extends to the end", () => {
    expect(titles("# A\n```\n# no\n## no\n")).toEqual(["A"]);
  });

  test("and code in a line of text opens no fence", () => {
    expect(titles("# A\n```inline``` text\n## B\nx\n")).toEqual(["A", "A › B"]);
  });

  test("and text in a comment is no heading either", () => {
    expect(titles("# A\n<!--\n# no\n-->\n## B\nx\n")).toEqual(["A", "A › B"]);
  });
});

describe("so that sections fit into a memory,", () => {
  test("a long section is split at paragraphs, each part with its own line", () => {
    const paragraph = `${"word ".repeat(200)}\n\n`;
    const parts = extractMarkdown(`# Long\n\n${paragraph.repeat(10)}`, "a.md");
    expect(parts.map((part) => part.title)).toEqual([1, 2, 3, 4].map((n) => `Long (${n}/4)`));
    expect(parts.every((part) => part.text.length <= 4000)).toBe(true);
    expect(parts.map((part) => part.line)).toEqual([1, 9, 15, 21]);
  });

  test("a line of any length is split, and no character is torn in two", () => {
    const parts = extractMarkdown(`# 長い\n${"🪰".repeat(5000)}`, "a.md");
    expect(parts.length).toBeGreaterThan(2);
    expect(parts.every((part) => part.text.length <= 4000 && part.text.isWellFormed())).toBe(true);
    expect(
      parts
        .map((part) => part.text)
        .join("")
        .match(/🪰/gu),
    ).toHaveLength(5000);
  });

  test("for any text, no section is empty or too long, and its line is right", () => {
    const line = fc.oneof(
      fc.constantFrom("# A", "## B", "```", "~~~", "", "---", "===", "- x", "<!--", "-->"),
      fc.string({ unit: "binary", maxLength: 30 }),
      fc.integer({ min: 1, max: 3000 }).map((length) => "y".repeat(length)),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
        const text = lines.join("\n");
        const all = text.replaceAll("\0", "").split(/\r\n|\n|\r/);
        for (const section of extractMarkdown(text, "a.md")) {
          expect(section.text.trim()).not.toBe("");
          expect(section.text.length).toBeLessThanOrEqual(4000);
          expect(section.text).not.toContain("\0");
          expect(all[section.from - 1]).toContain(section.text.split("\n")[0]);
        }
      }),
    );
  });
});
