/** Rules about places: a room has the same name everywhere, and a file contains one idea. */
import type { Fault } from "./faults.ts";
import type { SourceFile } from "./tree.ts";

/** Folders next to the rooms, which serve all of them. */
const besides: Record<string, readonly string[]> = {
  sql: ["inspect", "upgrades"],
  "sdk/src": ["contract", "link"],
  tests: [
    ...["harness", "invariants", "link", "house", "releases", "upgrade", "docs", "package"],
    ...["local", "cli", "functions", "adapters", "browser", "console", "examples", "bench"],
  ],
};

/** Files that may be in `sdk/src` itself: they combine the rooms, or are generated. */
const tops = [
  ...["agent.ts", "agent-rooms.ts", "mayfly.ts", "mayfly-options.ts"],
  ...["index.ts", "internal.ts"],
  "database.types.ts",
];

/** Folders that are not rooms, and files of the SDK outside of rooms. */
export function strayFaults(tree: SourceFile[], rooms: readonly string[]): Fault[] {
  const strays = new Map<string, string>();
  for (const { file } of tree)
    for (const [part, others] of Object.entries(besides)) {
      const [first = "", ...rest] = file.startsWith(`${part}/`)
        ? file.slice(part.length + 1).split("/")
        : [];
      if (rest.length > 0 && !rooms.includes(first) && !others.includes(first))
        strays.set(
          `${part}/${first}`,
          `${part}/${first} is named after no room of sql/rooms.json: move its files to a room, or add the room there.`,
        );
      if (part === "sdk/src" && rest.length === 0 && first !== "" && !tops.includes(first))
        strays.set(file, `${file} stands in no room: move it into a folder of sdk/src.`);
    }
  return [...strays].map(([name, sentence]) => ({ name, sentence }));
}

/** The places that the rooms of `sql/rooms.json` should have, but which do not exist. */
export function missingFaults(tree: SourceFile[], rooms: readonly string[]): Fault[] {
  const has = (place: string) =>
    tree.some(({ file }) => file === place || file.startsWith(`${place}/`));
  return rooms
    .flatMap((room) => [`sql/${room}`, `sdk/src/${room}`, `tests/${room}`, `docs/${room}.md`])
    .filter((place) => !has(place))
    .map((place) => ({
      name: place,
      sentence: `${place} is missing: a room has the same name in sql/, sdk/src/, tests/ and docs/.`,
    }));
}

/** The maximum number of lines in a file of ours. */
export const longest = 300;

/** Generated files, and files by others, which nobody reads from top to bottom. */
const isGenerated = (file: string) =>
  /^(supabase\/migrations|docs\/reference|tests\/bench\/jobs\/opponents)\/|^docs\/figures\.md$|\/database\.types\.ts$|^sql\/schema\.sql$|package\.json$/.test(
    file,
  );

export function lengthFaults(tree: SourceFile[]): Fault[] {
  return tree.flatMap(({ file, text }) => {
    const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
    if (lines <= longest || isGenerated(file)) return [];
    return [
      {
        name: file,
        sentence: `${file} has ${lines} lines, and ${longest} is the most: move one of its ideas to a file of its own.`,
      },
    ];
  });
}

/** SQL files with several public functions, or with a name that differs from their function's. */
export function functionFaults(tree: SourceFile[]): Fault[] {
  return tree.flatMap(({ file, text }) => {
    const [, stem] = /^sql\/\w+\/functions\/(\w+)\.sql$/.exec(file) ?? [];
    if (!stem) return [];
    const made = [...text.matchAll(/^create (?:or replace )?function (\w+)\.(\w+)/gm)];
    const names = (schema?: string) =>
      made.filter((match) => !schema || match[1] === schema).map((match) => match[2] ?? "");
    const open = names("mayfly");
    if (open.length > 1)
      return [
        {
          name: file,
          sentence: `${file} makes ${open.length} public functions (${open.join(", ")}): give each a file of its own.`,
        },
      ];
    const own = open.length > 0 ? open : names();
    if (own.includes(stem)) return [];
    return [
      {
        name: file,
        sentence: `${file} makes ${own.join(", ") || "no function"}: name the file after its function.`,
      },
    ];
  });
}

/** SQL files of tables that create several tables, or a table with another name. */
export function tableFaults(tree: SourceFile[]): Fault[] {
  return tree.flatMap(({ file, text }) => {
    const [, stem] = /^sql\/\w+\/tables\/(\w+)\.sql$/.exec(file) ?? [];
    if (!stem) return [];
    const made = [...text.matchAll(/^create (?:unlogged )?table \w+\.(\w+)/gm)].map(
      ([, name]) => name ?? "",
    );
    if (made.length === 1 && made[0] === stem) return [];
    return [
      {
        name: file,
        sentence: `${file} makes ${made.join(", ") || "no table"}: give each table a file with its name.`,
      },
    ];
  });
}
