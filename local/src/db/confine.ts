import { firstError, query, rows } from "./protocol.ts";
import { SUPERUSER } from "./session.ts";

/**
 * Keeps clients from becoming another user. Postgres lets anyone who logged in as a superuser use
 * SET SESSION AUTHORIZATION, and PGlite's only session is logged in as a superuser. Searching a
 * client's SQL for this statement does not help, because a client can build the statement at run
 * time. So while a client's SQL runs, the backend's static `AuthenticatedUserId` is set to its
 * `SessionUserId`, as if this client had logged in.
 *
 * PGlite does not export the two statics, so both are found by their behaviour, once at the start (5
 * ms). If a build of PGlite does not show this behaviour, the database does not start.
 */
export interface Confinement {
  /** Runs the work with no more rights than the current session user. */
  confined<T>(work: () => T): T;
}

/** Statics are below the stack and the heap. */
const STATIC_BYTES = 8 << 20;
/** The statics of one C file are next to each other. */
const NEAR_WORDS = 64;

/**
 * Every index at which the words have this value. Uses indexOf, because a loop over two million
 * words took half a second.
 */
function placesOf(words: Int32Array, value: number): number[] {
  const places: number[] = [];
  for (let at = words.indexOf(value); at >= 0; at = words.indexOf(value, at + 1)) places.push(at);
  return places;
}

export function confine(memory: () => Uint8Array, run: (bytes: Buffer) => Buffer): Confinement {
  // Get the buffer each time, because a memory that has grown has another buffer.
  const words = () => new Int32Array(memory().buffer, 0, STATIC_BYTES / 4);
  const sql = (text: string): Buffer => run(query(text));
  const oidOf = (role: string) =>
    Number(rows(sql(`select '${role}'::regrole::oid`))[0]?.[0] ?? Number.NaN);
  const become = (role: string) => sql(`set session authorization ${role}`);

  const admin = oidOf(SUPERUSER);
  const one = oidOf("authenticator");
  const other = oidOf("postgres");
  const start = words();
  let found = placesOf(start, admin);
  const before = new Set(found);
  for (const [role, oid] of [
    ["authenticator", one],
    ["postgres", other],
    [SUPERUSER, admin],
  ] as const) {
    become(role);
    const now = words();
    found = found.filter((at) => now[at] === oid);
  }
  sql("set role authenticator");
  const session = found.find((at) => words()[at] === admin);
  sql("set role none");

  const near = [...before].filter(
    (at) =>
      session !== undefined &&
      Math.abs(at - session) < NEAR_WORDS &&
      !found.includes(at) &&
      words()[at] === admin,
  );
  const authenticated = near.find((at) => {
    words()[at] = one;
    const refused = firstError(become("postgres"))?.sqlstate === "42501";
    words()[at] = admin;
    become(SUPERUSER);
    return refused;
  });
  if (session === undefined || authenticated === undefined) {
    throw new Error("The session user was not found in this build of PGlite.");
  }
  return {
    confined(work) {
      words()[authenticated] = words()[session] ?? admin;
      try {
        return work();
      } finally {
        words()[authenticated] = admin;
      }
    },
  };
}
