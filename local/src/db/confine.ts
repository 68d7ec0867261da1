import { firstError, query, rows } from "./protocol.ts";
import { SUPERUSER } from "./session.ts";

/**
 * Postgres lets whoever was authenticated as a superuser SET SESSION AUTHORIZATION to anybody, and
 * PGlite's only session was. Reading a client's SQL for that statement stops nobody who builds it at
 * run time, so while the client's own SQL runs, the backend's static `AuthenticatedUserId` is made
 * to say what its `SessionUserId` says, as in a server where that client had logged in.
 *
 * PGlite exports neither, so both are found by how they behave, once at the start (5 ms). A build in
 * which they are not found does not start.
 */
export interface Confinement {
  /** Runs the work with no more rights than the session user of the moment has. */
  confined<T>(work: () => T): T;
}

/** Statics lie below the stack and the heap. */
const STATIC_BYTES = 8 << 20;
/** The statics of one C file lie together. */
const NEAR_WORDS = 64;

/** Where the value stands. By indexOf: looking at two million words one by one took half a second. */
function placesOf(words: Int32Array, value: number): number[] {
  const places: number[] = [];
  for (let at = words.indexOf(value); at >= 0; at = words.indexOf(value, at + 1)) places.push(at);
  return places;
}

export function confine(memory: () => Uint8Array, run: (bytes: Buffer) => Buffer): Confinement {
  // Anew each time: a memory that has grown has another buffer.
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
    throw new Error("This build of PGlite keeps its session user where nobody finds it.");
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
