/** JSON Schema as SQL checks it, compared with zod on the same values. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { openTestDatabase, type TestDatabase } from "#harness/database";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

const person = z.strictObject({ name: z.string().min(1), age: z.int().min(0).optional() });
const schemas: [string, z.ZodType][] = [
  ["a text with bounds", z.string().min(2).max(4)],
  ["a number with bounds", z.number().gt(0).lte(10)],
  ["a whole number", z.int()],
  ["a multiple", z.number().multipleOf(5)],
  ["a constant", z.literal("yes")],
  ["an enumeration", z.enum(["a", "b"])],
  ["null or a boolean", z.boolean().nullable()],
  ["an object that allows no more", person],
  ["an object that allows more", z.looseObject({ name: z.string() })],
  ["a record", z.record(z.string().max(3), z.number())],
  ["a list with bounds", z.array(z.number()).min(1).max(2)],
  ["a tuple", z.tuple([z.string(), z.number()])],
  ["a union", z.union([z.string(), person])],
  [
    "an intersection",
    z.intersection(z.looseObject({ a: z.number() }), z.looseObject({ b: z.number() })),
  ],
  ["nested", z.object({ people: z.array(person).max(2), first: person.optional() })],
];
const values = [
  ...[null, true, "a", "yes", "abc", "abcde", "🙂🙂", 0, 1, 1.5, 5, 10, 10.5, -5],
  ...[[], [1], [1, 2], [1, 2, 3], ["a", 1], ["a", "b"], { a: 1 }, { a: 1, b: 2 }, { abcd: 1 }],
  ...[{}, { name: "" }, { name: "x" }, { name: "x", age: 3 }, { name: "x", age: -1 }],
  ...[{ name: "x", age: 1.5 }, { name: "x", more: 1 }, { people: [] }],
  ...[{ people: [{ name: "x" }, { name: "" }] }, { people: [{ name: "x" }], first: { name: 1 } }],
];

describe("JSON Schema in SQL", () => {
  it.each(schemas)("accepts the same values of %s as zod", async (_, schema) => {
    const given = JSON.stringify(z.toJSONSchema(schema));
    const [known] =
      await db.sql`select mayfly_private.schema_fault(${given}::text::jsonb) as fault`;
    expect(known?.fault).toBeNull();
    const verdicts = await db.sql<{ fits: boolean }[]>`
      select mayfly_private.json_fault(${given}::text::jsonb, v.value) is null as fits
      from jsonb_array_elements(${JSON.stringify(values)}::text::jsonb) with ordinality as v (value, n) order by v.n`;
    const refused = (fits: boolean[]) =>
      values.filter((_, n) => !fits[n]).map((v) => JSON.stringify(v));
    expect(refused(verdicts.map(({ fits }) => fits))).toEqual(
      refused(values.map((value) => schema.safeParse(value).success)),
    );
  });

  it("names the place and the rule of the first error", async () => {
    const schema = JSON.stringify(z.toJSONSchema(z.object({ people: z.array(person) })));
    const given = JSON.stringify({ people: [{ name: "x" }, { name: "x", age: -1 }] });
    const [row] = await db.sql`
      select mayfly_private.json_fault(${schema}::text::jsonb, ${given}::text::jsonb) as fault`;
    expect(row?.fault).toBe("$.people[1].age must be at least 0");
  });

  it("names what it cannot check, and refuses it", async () => {
    const cases = [
      { $ref: "#/x" },
      { properties: { a: { if: {} } } },
      { type: "date" },
      { anyOf: {} },
    ];
    const found = [];
    for (const schema of cases) {
      const [row] = await db.sql`
        select mayfly_private.schema_fault(${JSON.stringify(schema)}::text::jsonb) as fault,
          mayfly_private.json_fault(${JSON.stringify(schema)}::text::jsonb, '{}') as refused`;
      found.push(row?.fault);
      expect(row?.refused).toBe("$ is not allowed");
    }
    expect(found).toEqual(["$.$ref", "$.a.if", "$.type", "$.anyOf"]);
  });
});
