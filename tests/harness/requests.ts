/** Requests that fast-check generates. Most are valid. The others have invalid values in any place. */
import fc from "fast-check";

export const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(null, "", "\u0000", "\ud800", -0, 1e308, 5e-324, 1e-40, 5.0, 2 ** 53, [], {}, [
    [],
  ]),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constant("x".repeat(2001)),
);
/** Mostly a valid value, sometimes any value. */
export const mostly = <T>(right: fc.Arbitrary<T>) =>
  fc.oneof(
    { weight: 12, arbitrary: right as fc.Arbitrary<unknown> },
    { weight: 1, arbitrary: odd },
  );
export const instant = fc
  .date({ min: new Date(0), max: new Date("9999-01-01"), noInvalidDate: true })
  .map((date) => date.toISOString());
const fields = {
  task: mostly(fc.string({ minLength: 1, maxLength: 30 })),
  input: mostly(fc.string()),
  output: mostly(fc.string()),
  critique: mostly(fc.string()),
  kind: mostly(fc.constantFrom("episode", "fact", "working")),
  reward: mostly(fc.double({ min: 0, max: 1, noNaN: true })),
  success: mostly(fc.boolean()),
  importance: mostly(fc.integer({ min: 1, max: 10 })),
  tags: mostly(fc.array(fc.string({ minLength: 1, maxLength: 10 }), { maxLength: 5 })),
  metadata: mostly(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }))),
  tokens: mostly(fc.nat()),
  latency_ms: mostly(fc.nat()),
  visibility: mostly(fc.constantFrom("tenant", "agent")),
  session_id: mostly(fc.uuid()),
  conversation_id: mostly(fc.uuid()),
  expires_at: mostly(instant),
};
const some = fc.record(fields, { requiredKeys: [] });
const put = fc.record(
  {
    id: mostly(fc.uuid()),
    type: mostly(fc.constant("memory.put")),
    memory: mostly(
      fc
        .tuple(
          fc.record({ ...fields, created_at: mostly(instant) }, { requiredKeys: ["task"] }),
          fc.uuid(),
        )
        .map(([memory, id]) => ({ ...memory, id })),
    ),
    embedding: mostly(fc.constantFrom(0.5, 0.5, 0.5, 0, 1e-9).map((n) => Array(384).fill(n))),
    model: mostly(fc.constant("m")),
  },
  { requiredKeys: ["id", "type", "memory"] },
);

/** Converts an operation from the form before 0.2 to the current form, even if its memory is invalid. */
function inTodaysForm({ id, type, memory, ...vector }: Record<string, unknown>) {
  if (typeof memory !== "object" || memory === null) return { id, type, body: memory };
  const { id: subject, ...body } = memory as Record<string, unknown>;
  return { id, type, subject, body: { ...body, ...vector } };
}

/** Request bodies for sync. Some of their operations are about the existing memory with the id `known`. */
export function operationsOn(known: string) {
  const target = fc.oneof(fc.uuid(), fc.constant(known));
  const update = fc.record({
    id: mostly(fc.uuid()),
    type: fc.constant("memory.update"),
    memory: fc.record(
      {
        id: mostly(target),
        set: mostly(some),
        base: mostly(some),
        hlc: mostly(fc.constantFrom("1700000000000-0000-a", "9999999999999-0000-a")),
        resolve: mostly(fc.constantFrom("latest_wins", "merge", "manual")),
        settles: mostly(fc.array(fc.uuid(), { minLength: 1, maxLength: 3 })),
      },
      { requiredKeys: ["id", "set"] },
    ),
  });
  const remove = fc.record({
    id: fc.uuid(),
    type: fc.constant("memory.delete"),
    memory: fc.record({ id: mostly(fc.uuid()) }),
  });

  const one = fc
    .tuple(fc.oneof(put, update, remove), fc.boolean())
    .map(([operation, isOld]) => (isOld ? operation : inTodaysForm(operation)));
  const push = mostly(fc.array(mostly(one), { maxLength: 4 }));
  const since = fc.oneof(
    { weight: 5, arbitrary: fc.constant(null) as fc.Arbitrary<unknown> },
    { weight: 1, arbitrary: fc.string() },
    {
      weight: 1,
      arbitrary: fc
        .record(
          {
            e: mostly(fc.constant(1)),
            s: mostly(fc.constant("1:1:")),
            t: odd,
            x: odd,
            i: odd,
            b: odd,
          },
          { requiredKeys: ["e", "s"] },
        )
        .map((state) => Buffer.from(JSON.stringify(state)).toString("base64")),
    },
  );
  return { push, since };
}
