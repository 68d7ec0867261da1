/** The order in which the SQL files can be applied: by room, and within a room by dependency. */
import { objectsOf, type Source, type SqlObject } from "./objects.ts";

/** Finds the names of our objects, as `schema.name`. */
const ours = /\b(mayfly|mayfly_private|mayfly_gate)\.(\w+)/g;

export interface SqlFile extends Source {
  room: string;
  objects: SqlObject[];
  /** The objects in the file that other objects can refer to: schemas, tables, types and functions. */
  makes: string[];
  /**
   * The objects that must exist before the file is applied: tables, types, and functions that
   * Postgres binds at once.
   */
  needs: Set<string>;
  /** The other names in the file's PL/pgSQL bodies. Postgres looks them up only when the bodies run. */
  namesLate: Set<string>;
  /**
   * Names that are text in the rows that the file adds to registries. They are looked up only when
   * they are used.
   */
  registers: Set<string>;
}

const namesIn = (text: string) =>
  [...text.replace(/--[^\n]*/g, "").matchAll(ours)].flatMap(([name, schema = ""]) => [
    name,
    schema,
  ]);

/** Keeps what has been read, because a build or a run of the tests reads the same sources several times. */
const known = new Map<string, SqlFile>();

export function readFile(source: Source): SqlFile {
  const before = known.get(source.file);
  if (before?.text === source.text) return before;
  const file = parsed(source);
  known.set(source.file, file);
  return file;
}

function parsed(source: Source): SqlFile {
  const room = /^sql\/(\w+)\//.exec(source.file)?.[1];
  if (!room) throw new Error(`${source.file} is in no room.`);
  const file: SqlFile = {
    ...source,
    room,
    objects: objectsOf([source]),
    makes: [],
    needs: new Set(),
    namesLate: new Set(),
    registers: new Set(),
  };
  for (const object of file.objects) {
    const [, kind, name] = /^(schema|table|type|function) (\S+)$/.exec(object.key) ?? [];
    if (kind && name) file.makes.push(name);
    if (/^comment /.test(object.key)) continue;
    if (/^rows of /.test(object.key))
      for (const found of namesIn(object.text)) file.registers.add(found);
    // Postgres looks up the names in a PL/pgSQL body when they are used, and those in an SQL body
    // when the function is created.
    const late =
      kind === "function" && !/\nlanguage sql\b/.test(object.text)
        ? object.text.search(/\nas \$/)
        : -1;
    const [early, body] =
      late < 0 ? [object.text, ""] : [object.text.slice(0, late), object.text.slice(late)];
    for (const found of namesIn(early)) file.needs.add(found);
    for (const found of namesIn(body)) file.namesLate.add(found);
    // PL/pgSQL looks up the types of its variables when the function is created.
    const [, declared = ""] = /\ndeclare\n([\s\S]*?)\nbegin\n/.exec(body) ?? [];
    for (const found of namesIn(declared.replace(/[\w.]+\(/g, "("))) file.needs.add(found);
  }
  for (const made of file.makes) {
    file.needs.delete(made);
    file.namesLate.delete(made);
  }
  return file;
}

/**
 * @param rooms from the first to the last.
 *
 * @throws if files depend on each other in a cycle, or on a room that does not exist.
 */
export function inOrder(sources: Source[], rooms: string[]): SqlFile[] {
  // The files of a room come before its folders. This matters most for the file that checks what the
  // database must have.
  const depth = ({ file }: SqlFile) => file.split("/").length;
  // A room's other registrations may refer to its scopes.
  const later = ({ file }: SqlFile) => Number(!file.endsWith("/scopes.sql"));
  const files = sources
    .map(readFile)
    .sort(
      (a, b) =>
        rooms.indexOf(a.room) - rooms.indexOf(b.room) ||
        depth(a) - depth(b) ||
        later(a) - later(b) ||
        (a.file < b.file ? -1 : 1),
    );
  for (const { file, room } of files)
    if (!rooms.includes(room))
      throw new Error(`${file} is in a room that sql/rooms.json does not name.`);
  const maker = new Map(files.flatMap((file) => file.makes.map((name) => [name, file] as const)));
  const done: SqlFile[] = [];
  const under: SqlFile[] = [];
  const visit = (file: SqlFile) => {
    if (done.includes(file)) return;
    if (under.includes(file))
      throw new Error(`These need one another: ${[...under, file].map((f) => f.file).join(" → ")}`);
    under.push(file);
    for (const name of file.needs) {
      const needed = maker.get(name);
      if (needed && needed !== file) visit(needed);
    }
    under.pop();
    done.push(file);
  };
  for (const file of files) visit(file);
  return done;
}

/** `sql/rooms.json`. */
export interface Rooms {
  /** The rooms in order: each may use those before it. */
  rooms: string[];
  /** The references to later rooms that are allowed, as `file → name`. The list may only shrink. */
  exceptions: string[];
}

/**
 * The faults of the files: references to later rooms that are no exceptions, exceptions that are no
 * longer needed, and registered objects that no file makes.
 */
export function faultsOf(files: SqlFile[], { rooms, exceptions }: Rooms): string[] {
  const home = new Map(
    files.flatMap((file) => file.makes.map((name) => [name, file.room] as const)),
  );
  const found = files.flatMap((file) =>
    [...new Set([...file.needs, ...file.namesLate])]
      .filter((name) => rooms.indexOf(home.get(name) ?? "") > rooms.indexOf(file.room))
      .map((name) => `${file.file.slice(4)} → ${name}`),
  );
  return [
    ...found
      .filter((use) => !exceptions.includes(use))
      .map((use) => `${use}: a room uses only rooms before it (sql/rooms.json).`),
    ...exceptions
      .filter((use) => !found.includes(use))
      .map((use) => `${use}: no exception any more; take it out of sql/rooms.json.`),
    ...files.flatMap(({ file, registers }) =>
      [...registers]
        .filter((name) => name.includes(".") && !home.has(name))
        .map((name) => `${file} registers ${name}, which no file makes.`),
    ),
  ];
}
