/** An agent that calls the functions of facts, and the forms of their answers. */
import { afterAll, beforeAll, beforeEach } from "vitest";
import {
  actAs,
  type Claims,
  inTenant,
  makeAgent,
  makeTenant,
  type SpawnedAgent,
  serviceRole,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";

export interface Recorded {
  id: string;
  status: "recorded" | "superseded" | "confirmed";
  superseded: string[];
  subject: string;
  object: string | null;
  valid_from: string;
  valid_to: string | null;
}
interface Named {
  id: string;
  type: string;
  name: string;
}
export interface Fact {
  id: string;
  subject: Named;
  predicate: string;
  object: Named | null;
  value: unknown;
  [more: string]: unknown;
}
export interface Entity extends Named {
  aliases: string[];
  description: string;
  private_to: string | null;
  hops?: number;
  via?: string | null;
  named?: string | null;
}
export interface Around {
  entities: Entity[];
  facts: (Fact & { hop: number })[];
  truncated: boolean;
}

export let db: TestDatabase;
export let tenant: string;
export let agent: SpawnedAgent;

export const scopes = ["memory:read", "memory:write", "fact:read", "fact:write", "agent:spawn"];

export function setUp(): void {
  beforeAll(async () => {
    db = await openTestDatabase();
  });
  afterAll(() => db.close());
  beforeEach(async () => {
    tenant = await makeTenant(db.sql, { max_lifetime: "1 day" });
    agent = await makeAgent(db.sql, tenant, { scopes, lifetime: 80_000 });
  });
}

const json = new Set(["facts", "subject", "object", "start", "entity"]);

/** JSON values as the Data API passes them. */
export const call = <T>(
  name: string,
  values: Record<string, unknown> = {},
  as: Claims = agent.claims,
) =>
  actAs(
    db.sql,
    as,
    async (session) => {
      const named = Object.keys(values).map((key, index) =>
        json.has(key) ? `${key} => $${index + 1}::text::jsonb` : `${key} => $${index + 1}`,
      );
      const [row] = await session.unsafe(
        `select to_jsonb(mayfly.${name}(${named.join(", ")})) as answer`,
        Object.entries(values).map(([key, value]) =>
          json.has(key) ? JSON.stringify(value) : value,
        ) as never[],
      );
      return row?.answer as T;
    },
    as === serviceRole ? inTenant(tenant) : {},
  );

export const record = (facts: Record<string, unknown>[], as?: Claims) =>
  call<Recorded[]>("record_facts", { facts }, as);
export const list = (values: Record<string, unknown>, as?: Claims) =>
  call<Fact[]>("list_facts", values, as);
export const traverse = (values: Record<string, unknown>, as?: Claims) =>
  call<Around>("traverse_facts", values, as);

/** Each fact in a short form, such as `Paris in France`. */
export const saidBy = (facts: Fact[]) =>
  facts.map(({ subject, predicate, object, value }) =>
    [subject.name, predicate, object?.name ?? value].join(" "),
  );
