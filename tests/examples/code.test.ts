import { describe, expect, test } from "vitest";
import { extract } from "../../examples/learn-a-folder/extract/index.ts";

const symbols = (path: string, text: string) =>
  extract(path, text).map(({ title, line, from }) => `${from}-${line} ${title}`);

describe("when code is split at its symbols,", () => {
  test("TypeScript gives each symbol with its signature, doc comment and body, and no imports", () => {
    const text = `import { a } from "a";
import {
  b,
} from "b";
export * from "c";

/** What it is for. */
export async function work(
  input: string,
  options: Options = {},
): Promise<void> {
  await a(input);
}

export interface Options {
  deep?: boolean;
}
export type Id = string;
const LIMIT = 3;
export const handler = async (request: Request): Promise<Response> => {
  return b(request);
};
`;
    expect(symbols("a.ts", text)).toEqual([
      "7-8 export async function work(input: string, options: Options = {}): Promise<void>",
      "15-15 export interface Options",
      "18-18 export type Id = string",
      "19-20 export const handler = async (request: Request): Promise<Response>",
    ]);
    expect(extract("a.ts", text)[0]).toMatchObject({ kind: "symbol", line: 8, from: 7 });
    expect(extract("a.ts", text)[0]?.text).toMatch(
      /^\/\*\* What it is for\. \*\/\nexport[\s\S]*\n\}$/,
    );
  });

  test("a short class is one section, and a long one has a section for each method", () => {
    const body = "    this.work(1, 2, 3);\n".repeat(80);
    const text = `class Team extends Group {\n  #size = 0;\n\n  /** Adds. */\n  add(a: Agent): void {\n${body}  }\n\n  get size() {\n    return 1;\n  }\n}\n`;
    expect(symbols("a.ts", text)).toEqual([
      "1-1 class Team extends Group",
      "4-5 Team › add(a: Agent): void",
      "88-88 Team: get size() {",
    ]);
    expect(symbols("b.ts", "class Team {\n  add() {\n    return 1;\n  }\n}\n")).toEqual([
      "1-1 class Team",
    ]);
  });

  test("a bare constant or accessor joins its neighbours, and a documented one does not", () => {
    const text = `const a = 1;\n/** How long. */\nconst b = 2;\nconst c = 3;\n\nfunction work() {\n  go();\n}\n`;
    expect(symbols("a.ts", text)).toEqual(["1-3 const b = 2", "4-6 function work()"]);
  });

  test("tests are found by their titles", () => {
    expect(
      symbols("a.test.ts", 'test("a stopped agent reads nothing", async () => {\n  x();\n});\n'),
    ).toEqual(["1-1 test “a stopped agent reads nothing”"]);
  });

  test("code outside of symbols is kept as text", () => {
    const text = "// Starts the server.\nimport x from 'x';\n\nserve({ port: 1 });\n";
    expect(extract("main.js", text).map(({ kind, title }) => [kind, title])).toEqual([
      ["text", "main.js: Starts the server."],
      ["text", "main.js: serve({ port: 1 });"],
    ]);
  });

  test("symbols in comments do not count", () => {
    expect(symbols("a.ts", "/*\nfunction no() {}\n*/\nfunction yes() {}\n")).toEqual([
      "1-4 function yes() {}",
    ]);
  });

  test("Python keeps decorators with what they decorate, and has classes and constants", () => {
    const text = `import os\nfrom a import (\n    b,\n)\n\nLIMIT = 3\n\n@cached\n# why\ndef top(a, b=(1, 2)) -> int:\n    """Doc."""\n    return 1\n\n\nclass Foo(Base):\n    def bar(self):\n        return 1\n`;
    expect(symbols("a.py", text)).toEqual([
      "6-10 def top(a, b=(1, 2)) -> int",
      "15-15 class Foo(Base)",
    ]);
  });

  test("SQL statements extend to the next one, across the body of a function", () => {
    const text = `-- Who may do what.\n\ncreate table app.roles (\n  id uuid,\n  name text\n);\ncomment on table app.roles is 'x';\n\n-- Says whether.\ncreate or replace function app.can(\n  scope text,\n  of uuid\n) returns boolean\nlanguage plpgsql as $$\nbegin\ncreate temp table t (a int);\n  return true;\nend;\n$$;\nrevoke all on function app.can from public;\n\ndo $$ begin perform app.can('x'); end $$;\n`;
    expect(symbols("a.sql", text)).toEqual([
      "1-3 create table app.roles",
      "9-10 create or replace function app.can(scope text, of uuid) returns boolean",
      "22-22 do: begin perform app.can('x'); end $$;",
    ]);
    expect(extract("a.sql", text)[0]?.text).toContain("comment on table");
  });

  test("Go gives methods and types, with the comments above them", () => {
    const text = `// Package a.\npackage a\n\nimport (\n\t"fmt"\n)\n\n// Foo does.\nfunc (s *Server) Foo(a int) (int, error) {\n\treturn 1, nil\n}\n\ntype Server struct {\n\ta int\n}\n`;
    expect(symbols("a.go", text)).toEqual([
      "1-1 a.go: Package a.",
      "8-9 func (s *Server) Foo(a int) (int, error)",
      "13-13 type Server struct",
    ]);
  });

  test("Rust keeps attributes, and an impl with its where clause", () => {
    const text = `use std::fmt;\n\n/// A thing.\n#[derive(Debug)]\npub struct Thing<T> {\n    a: T,\n}\n\nimpl<T> Thing<T>\nwhere\n    T: Clone,\n{\n    pub fn new(a: T) -> Self { Self { a } }\n}\n`;
    expect(symbols("a.rs", text)).toEqual(["3-5 pub struct Thing<T>", "9-9 impl<T> Thing<T>"]);
  });

  test("shell, C and Java are split too", () => {
    expect(
      symbols("a.sh", "#!/bin/sh\nset -e\n\n# Greets.\ngreet() {\n  echo hi\n}\n\ngreet\n"),
    ).toEqual(["1-5 greet()", "9-9 a.sh: greet"]);
    expect(
      symbols(
        "a.c",
        "#include <a.h>\n#define MAX 3\n\n/* adds */\nstatic int add(int a, int b)\n{\n  return a + b;\n}\n",
      ),
    ).toEqual(["2-5 static int add(int a, int b)"]);
    const method = `    /** Adds. */\n    public int add(int a) {\n${"        use(a, a, a, a);\n".repeat(80)}    }\n`;
    expect(
      symbols(
        "A.java",
        `package a;\nimport b.C;\n\n/** A. */\npublic final class A extends B {\n    int x;\n${method}}\n`,
      ),
    ).toEqual(["4-5 public final class A extends B", "7-8 A › public int add(int a)"]);
  });

  test("every line of a symbol is kept, and a long symbol is split", () => {
    const lines = Array.from({ length: 600 }, (_, index) => `  call${index}();`);
    const parts = extract("a.ts", `function long() {\n${lines.join("\n")}\n}\n`);
    expect(parts.length).toBeGreaterThan(1);
    expect(parts[0]?.title).toBe(`function long() (1/${parts.length})`);
    expect(parts.every((part) => part.text.length <= 4000)).toBe(true);
    expect(parts.flatMap((part) => part.text.split("\n"))).toHaveLength(602);
  });
});

describe("when plain text is split at paragraphs,", () => {
  test("paragraphs are combined until there is enough", () => {
    const paragraph = `${"line of words\n".repeat(30)}\n`;
    const parts = extract("notes.txt", paragraph.repeat(6));
    expect(parts.map((part) => part.line)).toEqual([1, 94]);
    expect(parts[0]?.title).toBe("notes.txt: line of words");
  });

  test("an empty file has no sections, whatever its kind", () => {
    for (const name of ["a.txt", "a.ts", "a.sql", "a.md", "Makefile"]) {
      expect(extract(name, "")).toEqual([]);
      expect(extract(name, "\n\n  \n")).toEqual([]);
    }
  });

  test("a byte order mark and NUL are dropped", () => {
    expect(extract("a.txt", "\uFEFFhello\0 there")[0]?.text).toBe("hello there");
  });
});
