/** The migration that updates a database from the last release to the current sources. */
import type { SqlObject } from "./objects.ts";

/** What `sql/releases.json` stores about each object of a release, by key. */
export type Released = Record<string, { hash: string; head?: string; about?: string }>;

export interface Upgrade {
  main: string[];
  realtime: string[];
}

/**
 * The end of each migration. This statement makes sure that nobody can call a function whose file
 * grants nothing.
 */
export const closing =
  "revoke execute on all functions in schema mayfly, mayfly_private from public;";

/** The start of each migration. If a lock is not available, the whole migration fails and can run again. */
const limit = "set local lock_timeout = '5s';";

const quietly = (key: string) => {
  const [kind = "", name = "", , table] = key.split(" ");
  return kind === "function"
    ? `drop function if exists ${name};`
    : `drop ${kind} if exists ${name} on ${table};`;
};

const replacing = (text: string) =>
  text.replace(/^create (function|trigger)\b/m, "create or replace $1");

/** The names of the functions that an object calls. */
const calledBy = ({ text }: SqlObject) =>
  new Set([...text.matchAll(/([\w.]+)\(/g)].map(([, name = ""]) => name));

/**
 * Whether Postgres parses the object's body when the object is created. Such an object depends on
 * the functions that it calls.
 */
const bindsEarly = (object: SqlObject) =>
  /^(policy|trigger) /.test(object.key) || /\n(return|begin atomic)\b/.test(object.text);

/**
 * The functions that must be dropped and created again because their heads changed, and everything that depends on
 * them, directly or indirectly: functions, policies and triggers.
 */
function remadeBy(before: Released, objects: SqlObject[]): Set<string> {
  const remade = new Set(
    objects
      .filter(({ key, head }) => head && before[key] && before[key].head !== head)
      .map(({ key }) => key),
  );
  const dependents = objects
    .filter((object) => before[object.key] && bindsEarly(object))
    .map((object) => ({ key: object.key, called: calledBy(object) }));
  for (let size = -1; size !== remade.size; ) {
    size = remade.size;
    const names = [...remade]
      .filter((key) => key.startsWith("function "))
      .map((key) => key.slice(9));
    for (const { key, called } of dependents)
      if (names.some((name) => called.has(name))) remade.add(key);
  }
  return remade;
}

/**
 * @param before the last release's objects.
 *
 * @param objects the objects of the sources, in an order in which they can be made.
 * @param byHand the handwritten part for durable objects: `sql/upgrades/<version>/<room>.sql`.
 * @throws an error that says what the handwritten part must do, if it is missing.
 */
export function upgradeFrom(
  before: Released,
  objects: SqlObject[],
  byHand: string | null,
): Upgrade {
  const after = new Map(objects.map((object) => [object.key, object]));
  const isNew = ({ key }: SqlObject) => !before[key];
  const isChanged = ({ key, hash }: SqlObject) => before[key] && before[key].hash !== hash;
  const removed = Object.keys(before).filter((key) => !after.has(key));

  const durable = [
    ...objects.filter((object) => object.durable && isChanged(object)).map(({ key }) => key),
    ...removed.filter((key) =>
      /^(table|index|type|schema|extension|text search configuration|alter table|rows of) ?/.test(
        key,
      ),
    ),
  ];
  const storedBy = new Set(objects.filter((o) => o.durable).flatMap((o) => [...calledBy(o)]));
  const anchored = objects
    .filter((object) => object.key.startsWith("function ") && isChanged(object))
    .map(({ key }) => key)
    .filter((key) => storedBy.has(key.slice(9)))
    .filter((key) => !byHand?.includes(`-- anchored: ${key.slice(9)}`));
  if (durable.length > 0 && byHand === null)
    throw new Error(`sql/upgrades must say how data follows: ${durable.join(", ")}`);
  if (anchored.length > 0)
    throw new Error(
      `Stored values, checks or indexes depend on ${anchored.join(", ")}: sql/upgrades must bring them along, and say so in a line "-- anchored: <name>".`,
    );

  const apart = /\b(concurrently|vacuum)\b|^\s*(begin|commit|rollback)\s*;/im.exec(
    byHand?.replace(/--[^\n]*/g, "") ?? "",
  );
  if (apart)
    throw new Error(
      `sql/upgrades has "${apart[0].trim()}", and a migration is one transaction: leave long work to maintenance.`,
    );

  const remade = remadeBy(before, objects);
  const made = objects.filter(
    (object) =>
      isNew(object) ||
      (!object.durable && isChanged(object)) ||
      remade.has(object.key) ||
      remade.has(object.about),
  );
  if (made.length === 0 && removed.length === 0 && byHand === null)
    return { main: [], realtime: [] };

  const droppedFirst = [
    ...removed.filter((key) => /^(policy|trigger) /.test(key)),
    ...made.filter((o) => before[o.key] && o.key.startsWith("policy ")).map(({ key }) => key),
    ...[...remade].filter((key) => /^(function|trigger) /.test(key)).reverse(),
  ];
  const rank = (key: string) => ["policy", "trigger", "function"].indexOf(key.split(" ")[0] ?? "");
  droppedFirst.sort((a, b) => rank(a) - rank(b));
  const ofRealtime = (key: string) => key.endsWith(" on realtime.messages");

  const texts = (list: SqlObject[]) =>
    list.map(({ key, text }) => (before[key] && !remade.has(key) ? replacing(text) : text));
  const ofRealtimeAlone = [
    ...droppedFirst.filter(ofRealtime).map(quietly),
    ...texts(made.filter(({ realtime }) => realtime)),
  ];
  return {
    main: [
      limit,
      // Of the policies in the schema `realtime`, drops only those that depend on a dropped
      // function.
      ...droppedFirst.filter((key) => !ofRealtime(key) || remade.has(key)).map(quietly),
      ...(byHand === null ? [] : [byHand.trim()]),
      ...texts(made.filter(({ realtime }) => !realtime)),
      ...removed
        .filter((key) => key.startsWith("grant ") && after.has(before[key]?.about ?? ""))
        // A function that was dropped and created again has lost its grants.
        .filter((key) => !remade.has(before[key]?.about ?? ""))
        .map(undone),
      ...removed
        .filter((key) => key.startsWith("comment ") && !remade.has(before[key]?.about ?? ""))
        .filter((key) => hasSubject(key, after.get(before[key]?.about ?? "")))
        .map((key) => `${key} is null;`),
      ...removed
        .filter((key) => key.startsWith("function "))
        .reverse()
        .map(quietly),
      closing,
    ],
    realtime: ofRealtimeAlone.length > 0 ? [limit, ...ofRealtimeAlone] : [],
  };
}

/**
 * Whether the object of a comment still exists. A column counts as existing if its name is in the
 * text of its table.
 */
const hasSubject = (comment: string, object: SqlObject | undefined) =>
  !!object &&
  (!comment.startsWith("comment on column ") ||
    new RegExp(`\\b${/\w+$/.exec(comment)?.[0]}\\b`).test(object.text));

const undone = (grant: string) =>
  `${grant.replace(/^grant (.*) to ([\w, ]+)$/, "revoke $1 from $2")};`;

/** The data that a release stores about its objects. */
export const releasedOf = (
  objects: Pick<SqlObject, "key" | "hash" | "head" | "about">[],
): Released =>
  Object.fromEntries(
    objects.map(({ key, hash, head, about }) => [
      key,
      { hash, ...(head && { head }), ...(about !== key && { about }) },
    ]),
  );
