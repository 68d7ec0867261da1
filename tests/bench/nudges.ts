/**
 * What nudges cost: how many broadcasts 1,000 writes cause, and how long after its commit each write is
 * announced. Compares two ways: due nudges, which a flusher sends each second, and nudges that each
 * transaction sends itself, as in a project without a flusher. Also measures, in pairs, what each way costs a
 * writer: a push of 1 and of 100 memories, and a message to an open inbox.
 *
 *   node tests/bench/nudges.ts [--quick]
 */
import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { actAs, type Claims, makeAgent, makeTenant, rpc, type Session } from "#harness/callers";
import type { TestDatabase } from "#harness/database";
import { messageTo } from "#harness/messages";
import { putOf } from "#harness/operations";
import { compare, quartiles } from "./lib/measure.ts";
import { report, reportComparison } from "./lib/report.ts";
import { onEach, rounds, unlimited } from "./lib/target.ts";

const against = "each transaction by itself";
const writes = rounds(1_000, 250);
/** The pause after each write: this makes almost 100 writes a second. */
const pauseMs = 10;

const flush = (db: TestDatabase) => db.sql`select mayfly_private.flush_nudges()`;
/** Makes it look as if the flusher had not run for a long time. */
const silence = (db: TestDatabase) => db.sql`update mayfly_private.flusher set at = '-infinity'`;

async function listened(db: TestDatabase) {
  const tenant = await makeTenant(db.sql, unlimited);
  const agent = await makeAgent(db.sql, tenant, { lifetime: 900 });
  await rpc(db.sql, agent.claims, "listen", { log: true });
  return { tenant, ...agent };
}

const push = (db: TestDatabase, claims: Claims, count: number) => {
  const operations = Array.from({ length: count }, () => putOf());
  return actAs(
    db.sql,
    claims,
    (session: Session) =>
      session`select mayfly.sync(${session.json(operations as never)}, null, 0)`,
  );
};

/**
 * Writes one memory after another, with a pause after each.
 *
 * @returns the number of broadcasts for 1,000 writes, and for each write, the time from its commit to its announcement.
 */
async function spend(db: TestDatabase, flushed: boolean) {
  const { tenant, claims } = await listened(db);
  const told: number[] = [];
  const ear = postgres(db.url, {
    max: 1,
    onnotice: () => {},
    ...({ onnotify: () => told.push(performance.now()) } as object),
  });
  await ear`listen realtime_messages`;
  await (flushed ? flush(db) : silence(db));
  // `then` is needed because a query is not sent until somebody waits for it.
  const timer = flushed ? setInterval(() => void flush(db).then(() => {}), 1_000) : undefined;
  const committed: number[] = [];
  for (let n = 0; n < writes; n++) {
    await push(db, claims, 1);
    committed.push(performance.now());
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  // The last nudges are sent at the next flush.
  if (flushed) await new Promise((resolve) => setTimeout(resolve, 1_200));
  clearInterval(timer);
  await ear.end();
  const [row] = await db.sql`
    select count(*)::int as broadcasts from realtime.messages where topic = ${`tenant:${tenant}:log`}`;
  // The announcement of a write may arrive before the answer to its commit. Such a write has waited for 0 ms.
  const waits = committed.map((at) =>
    Math.max(0, (told.find((when) => when > at - 5) ?? Number.NaN) - at),
  );
  return { broadcasts: (row?.broadcasts as number) * (1_000 / writes), waits };
}

await onEach(async (db, on) => {
  const row = { bench: "nudges", on, against };
  const due = await spend(db, true);
  const each = await spend(db, false);
  report({
    ...row,
    name: "broadcasts for 1,000 writes, 100 a second",
    unit: "broadcasts",
    ours: due.broadcasts,
    baseline: each.broadcasts,
    ratio: due.broadcasts / each.broadcasts,
  });
  for (const [name, of] of [
    ["median", (waits: number[]) => quartiles(waits).median],
    ["longest", (waits: number[]) => Math.max(...waits)],
  ] as const)
    report({
      ...row,
      name: `from the commit of a write until its nudge arrives, ${name}`,
      unit: "ms",
      ours: of(due.waits),
      baseline: of(each.waits),
    });

  const writer = await listened(db);
  const reader = await makeAgent(db.sql, writer.tenant, { lifetime: 900 });
  await rpc(db.sql, reader.claims, "open_inbox", { session: randomUUID() });
  const send = () =>
    rpc(db.sql, writer.claims, "send_messages", { messages: [messageTo(reader.id)] as never });
  for (const [name, work, many] of [
    ["a push of 1", () => push(db, writer.claims, 1), rounds(100)],
    ["a push of 100", () => push(db, writer.claims, 100), rounds(20)],
    ["a message to an open inbox", send, rounds(100)],
  ] as const) {
    const as = (way: typeof flush, timed: () => Promise<unknown>) => async () => {
      await way(db);
      await timed();
    };
    reportComparison({ ...row, name }, await compare(many, as(flush, work), as(silence, work)));
  }
});
