import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actAs, type Claims, makeAgent, makeTenant, rpc } from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { messageTo } from "#harness/messages";
import { databaseUrl } from "#harness/needs";

const senders = 16;
const recipients = 5;
const calls = 15;

interface Pulled {
  messages: { seq: number; id: string; attempt: number; sender_id: string }[];
  up_to: number;
  more: boolean;
}

describe.skipIf(!databaseUrl)("the inbox, on a real Postgres 17,", () => {
  let db: TestDatabase;
  let sql: postgres.Sql;
  beforeAll(async () => {
    db = await openPostgresDatabase();
    sql = postgres(db.url, { max: senders + recipients + 1, onnotice: () => {} });
  });
  afterAll(async () => {
    await sql?.end();
    await db?.close();
  });

  const pick = (from: number) => Math.floor(Math.random() * from);

  it("has no deadlock, gap or duplicate when 16 senders write to the same inboxes and channels", async () => {
    const tenant = await makeTenant(db.sql, {
      writes_per_minute: 1_000_000,
      max_living_agents: 100,
    });
    const made = async (n: number) => {
      const agents = [];
      for (let i = 0; i < n; i++) agents.push(await makeAgent(db.sql, tenant, { lifetime: 600 }));
      return agents;
    };
    const from = await made(senders);
    const to = await made(recipients);
    const channels = ["one", "two", "three"];
    for (const name of channels) {
      const owner = { "x-mayfly-tenant": tenant };
      await rpc(db.sql, { role: "service_role" }, "create_channel", { name }, owner);
      for (const { claims } of from) await rpc(db.sql, claims, "subscribe_channel", { name });
    }

    /** For each inbox or channel, the committed messages, in the order of each sender. */
    const committed = new Map<string, { id: string; sender: number; call: number }[]>();
    const note = (place: string, id: string, sender: number, call: number) =>
      committed.set(place, [...(committed.get(place) ?? []), { id, sender, call }]);
    const send = (claims: Claims, messages: unknown[], fails: boolean) =>
      actAs(sql, claims, async (session) => {
        await session`select mayfly.send_messages(${session.json(messages as never)})`;
        if (Math.random() < 0.3) await session`select pg_sleep(${Math.random() * 0.02})`;
        if (fails) throw new Error("given up");
      }).then(
        () => true,
        (error: Error) => {
          if (error.message !== "given up") throw error;
          return false;
        },
      );

    /** Readers read while others write. No message may appear later at a position that a reader has passed. */
    let writing = true;
    const read = to.map(() => [] as Pulled["messages"]);
    const tail = async (n: number) => {
      const { id: _, claims } = to[n] as (typeof to)[number];
      const session = randomUUID();
      await rpc(sql, claims, "open_inbox", { session });
      for (let after = 0, last = false; ; ) {
        const page = await rpc<Pulled>(sql, claims, "pull_inbox", {
          session,
          after,
          page_limit: 1 + pick(30),
        });
        read[n]?.push(...page.messages);
        after = page.up_to;
        if (!writing && !page.more) {
          if (last) return;
          last = true;
        }
      }
    };
    const tails = Promise.all(to.map((_, n) => tail(n)));

    await Promise.all(
      from.map(async ({ claims }, sender) => {
        for (let call = 0; call < calls; call++) {
          const messages = Array.from({ length: 1 + pick(6) }, () =>
            Math.random() < 0.7
              ? messageTo((to[pick(recipients)] as (typeof to)[number]).id)
              : messageTo({ channel: channels[pick(3)] }),
          );
          const fails = Math.random() < 0.2;
          // Some calls are sent twice at the same time, as by a client that lost its connection.
          const sent = await Promise.all(
            fails || Math.random() < 0.8
              ? [send(claims, messages, fails)]
              : [send(claims, messages, false), send(claims, [...messages].reverse(), false)],
          );
          if (sent.some(Boolean))
            for (const { id, to: target } of messages)
              note(String(target.agent ?? target.channel), id, sender, call);
        }
      }),
    );
    writing = false;
    await tails;

    for (const [n, { id }] of to.entries()) {
      const expected = committed.get(id) ?? [];
      const seen = read[n] ?? [];
      expect(seen.map(({ seq }) => seq)).toEqual(expected.map((_, i) => i + 1));
      expect(seen.map((message) => message.id).sort()).toEqual(expected.map((e) => e.id).sort());
      expect(seen.every(({ attempt }) => attempt === 1)).toBe(true);
    }
    for (const name of channels) {
      const expected = committed.get(name) ?? [];
      const page = await rpc<Pulled>(sql, from[0]?.claims ?? {}, "read_channel", {
        name,
        page_limit: 1000,
      });
      expect(page.messages.map(({ seq }) => seq)).toEqual(expected.map((_, i) => i + 1));
      expect(page.messages.map(({ id }) => id).sort()).toEqual(expected.map((e) => e.id).sort());
    }
    // In each inbox, the calls of one sender are in their order.
    for (const [n, { id }] of to.entries()) {
      const place = new Map((read[n] ?? []).map((message, i) => [message.id, i]));
      const inOrder = (committed.get(id) ?? []).toSorted(
        (a, b) => (place.get(a.id) ?? -1) - (place.get(b.id) ?? -1),
      );
      for (const ofOne of Map.groupBy(inOrder, ({ sender }) => sender).values()) {
        const made = ofOne.map(({ call }) => call);
        expect(made).toEqual(made.toSorted((a, b) => a - b));
      }
    }
  });
});
