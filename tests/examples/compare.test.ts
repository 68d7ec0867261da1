import { describe, expect, test } from "vitest";
import { compare, type Known } from "../../examples/learn-a-folder/compare.ts";
import { folderTag, placeOf, toEpisode, toKnown } from "../../examples/learn-a-folder/episode.ts";
import { extract } from "../../examples/learn-a-folder/extract/index.ts";

const remember = (text: string): Known[] =>
  extract("a.md", text).map((section, index) => {
    const { task, metadata } = toEpisode(section, "a.md", "folder:x");
    return toKnown({ id: `id${index}`, task, metadata }) as Known;
  });
function difference(before: string, after: string) {
  const { added, changed, moved, gone, unchanged } = compare(
    extract("a.md", after),
    remember(before),
  );
  return {
    added: added.map((section) => section.title),
    changed: changed.map(({ section, before }) => [section.title, before.id]),
    moved: moved.map(({ section, before }) => [section.title, before.line, section.line]),
    gone: gone.map((known) => known.title),
    unchanged,
  };
}
const nothing = { added: [], changed: [], moved: [], gone: [], unchanged: 0 };

describe("in a second run,", () => {
  const text = "# A\na\n## B\nb\n## C\nc\n";

  test("nothing is learned if the text is the same", () => {
    expect(difference(text, text)).toEqual({ ...nothing, unchanged: 3 });
  });

  test("everything is learned if the file is new", () => {
    expect(difference("", text)).toEqual({ ...nothing, added: ["A", "A › B", "A › C"] });
  });

  test("a section with a changed text replaces the old one", () => {
    expect(difference(text, text.replace("b\n", "bb\n"))).toEqual({
      ...nothing,
      changed: [["A › B", "id1"]],
      unchanged: 2,
    });
  });

  test("a removed section is gone, and an added one is new", () => {
    expect(difference(text, "# A\na\n## C\nc\n## D\nd\n")).toEqual({
      ...nothing,
      added: ["A › D"],
      moved: [["A › C", 5, 3]],
      gone: ["A › B"],
      unchanged: 1,
    });
  });

  test("a section on another line is moved, because an answer names its line", () => {
    expect(difference(text, `${text.replace("a\n", "a\n\n")}`)).toEqual({
      ...nothing,
      moved: [
        ["A › B", 3, 4],
        ["A › C", 5, 6],
      ],
      unchanged: 1,
    });
  });

  test("of several sections with the same title, only the changed one changes", () => {
    const list = "# A\n## Example\none\n## Example\ntwo\n## Example\nthree\n";
    expect(difference(list, list.replace("two", "2"))).toEqual({
      ...nothing,
      changed: [["A › Example", "id1"]],
      unchanged: 2,
    });
  });

  test("an extra memory from an interrupted run is removed", () => {
    const known = remember(text);
    const twice = [...known, { ...known[0], id: "again" } as Known];
    expect(compare(extract("a.md", text), twice)).toMatchObject({
      gone: [{ id: "again" }],
      unchanged: 3,
    });
  });
});

describe("when a section becomes an episode,", () => {
  test("the episode has its title, place and text", () => {
    const section = extract("docs/a.md", "# A\nhello")[0];
    expect(section && toEpisode(section, "docs/a.md", folderTag("/x"))).toMatchObject({
      kind: "episode",
      task: "A",
      input: "docs/a.md:1",
      output: "# A\nhello",
      tags: [folderTag("/x"), "heading", "md"],
      metadata: { path: "docs/a.md", line: 1, from: 1 },
    });
  });

  test("a memory of another kind is ignored", () => {
    expect(placeOf(null)).toBeNull();
    expect(placeOf({ path: "a.md", line: "1" })).toBeNull();
    expect(toKnown({ id: "1", task: "x", metadata: {} })).toBeNull();
  });

  test("the tag of a folder is short, however long its path", () => {
    expect(folderTag("/very/long".repeat(100))).toMatch(/^folder:[0-9a-f]{16}$/);
  });
});
