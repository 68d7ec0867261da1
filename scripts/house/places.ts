/** A room has the same name everywhere, and a file has one idea. */
import type { Fault } from "./faults.ts";
import type { SourceFile } from "./tree.ts";

/** Folders beside the rooms, which serve all of them. */
const besides: Record<string, readonly string[]> = {
  sql: ["inspect", "upgrades"],
  "sdk/src": ["contract", "link"],
  tests: [
    ...["harness", "invariants", "link", "house", "releases", "upgrade", "docs", "package"],
    ...["local", "cli", "functions", "adapters", "browser", "console", "examples", "bench"],
  ],
};

/** What may stand in `sdk/src` itself: it puts the rooms together, or is generated. */
const tops = [
  ...["agent.ts", "agent-connection.ts", "mayfly.ts", "index.ts", "internal.ts"],
  "database.types.ts",
];

/** Folders that are no room, and files of the SDK that stand in none. */
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

/** The places that a room of `sql/rooms.json` lacks. */
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

/** The most lines that a file of ours may have. */
export const longest = 300;

/** What a script makes, or others wrote: nobody reads it from top to bottom. */
const isGenerated = (file: string) =>
  /^(supabase\/migrations|docs\/reference|tests\/bench\/jobs\/opponents)\/|\/database\.types\.ts$|^sql\/schema\.sql$|package\.json$/.test(
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

/** Files of SQL with several public functions, or with a name that is not their function's. */
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
