/** Claims as an attacker would change them, for fast-check. */
import fc from "fast-check";
import { type Claims, inSeconds } from "#harness/callers";

/** False for values with U+0000. Postgres cannot store them, so such tokens are refused before SQL runs. */
const storable = (value: unknown) => !JSON.stringify(value ?? null).includes("\\u0000");
const text = fc.string({ unit: "grapheme", maxLength: 60 }).filter(storable);
const json = fc.jsonValue({ maxDepth: 4 }).filter(storable);
const instants = fc.constantFrom<unknown>(
  inSeconds(-3600),
  inSeconds(-40),
  inSeconds(3600),
  0,
  -1,
  1e300,
  String(inSeconds(3600)),
  "never",
  null,
  [inSeconds(3600)],
  { at: inSeconds(3600) },
  true,
);
const names = fc.constantFrom<unknown>(
  "iss",
  "sub",
  "role",
  "aud",
  "exp",
  "nbf",
  "iat",
  "jti",
  "mayfly",
  "session_id",
  "app_metadata",
);

/** Claims of which one to four are changed, removed, or replaced with those of another caller. */
export function mutationOf(claims: Claims, ids: unknown[]): fc.Arbitrary<Claims> {
  const id = fc.oneof(
    fc.constantFrom(...ids.map(String)),
    fc.constantFrom(...ids.map((each) => String(each).toUpperCase())),
    fc.uuid(),
    fc.constantFrom(
      "",
      "00000000-0000-0000-0000-000000000000",
      "{}",
      "null",
      `${ids[0]} `,
      `${ids[0]}'`,
    ),
    text,
  );
  const issuer = fc.constantFrom<unknown>(
    "mayfly",
    "Mayfly",
    "mayfly ",
    "",
    null,
    ["mayfly"],
    "http://127.0.0.1:54321/auth/v1",
    "https://x.supabase.co/auth/v1",
    "%",
    "/auth/v1",
  );
  const role = fc.constantFrom<unknown>("authenticated", "anon", "postgres", "", null, [
    "authenticated",
  ]);
  const inner = fc.oneof(
    json,
    fc.record(
      {
        v: fc.oneof(fc.constant(1), json),
        tenant: fc.oneof(id, json),
        scopes: fc.oneof(fc.constant(["tenant:write", "memory:read"]), json),
        parent: fc.oneof(id, json),
        enrolment: fc.oneof(text, json),
        renewal: fc.oneof(text, json),
      },
      { requiredKeys: [] },
    ),
    fc.constantFrom<unknown>(
      "enrolment",
      ["enrolment"],
      "tenant",
      nested(200),
      "x".repeat(100_000),
    ),
  );
  const change = names.chain((name): fc.Arbitrary<(before: Claims) => Claims> => {
    const value: fc.Arbitrary<unknown> =
      name === "sub"
        ? fc.oneof(id, json)
        : name === "iss"
          ? fc.oneof(issuer, json)
          : name === "role"
            ? fc.oneof(role, json)
            : name === "exp" || name === "nbf" || name === "iat"
              ? instants
              : name === "mayfly"
                ? inner
                : json;
    return fc.oneof(
      fc.constant((before: Claims) => {
        const { [String(name)]: _removed, ...rest } = before;
        return rest;
      }),
      value.map((to) => (before: Claims) => ({ ...before, [String(name)]: to })),
      id.map((to) => (before: Claims) => ({
        ...before,
        mayfly: { ...(Object(before.mayfly) as object), tenant: to },
      })),
    );
  });
  return (
    fc
      .array(change, { minLength: 1, maxLength: 4 })
      .map((changes) => changes.reduce((before, apply) => apply(before), claims))
      // Whoever has this role is the project itself, so no fuzzing is needed: see SECURITY.md.
      .filter((made) => made.role !== "service_role")
  );
}

/** Nested objects of this depth. */
export function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = { a: value };
  return value;
}
