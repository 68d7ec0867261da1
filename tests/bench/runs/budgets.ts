/**
 * The time to reserve and to settle a cost on one budget. Compares one statement for all simultaneous calls
 * with one statement for each call.
 */
import { randomUUID } from "node:crypto";
import { Reservations } from "@mayfly/sdk/internal";
import { openBackend } from "#harness/backend";
import { type Claims, makePerson, rpc } from "#harness/callers";
import type { TestDatabase } from "#harness/database";
import { directDoor } from "#harness/jobs-door";
import { quartiles } from "../lib/measure.ts";
import { report } from "../lib/report.ts";
import { quick, rounds } from "../lib/target.ts";
import { makeMeasured } from "./agents.ts";

const callers = 16;
const ms = quick ? 1_000 : 3_000;
const usage = { input: 100, output: 10 };

export async function measureBudgets(db: TestDatabase): Promise<void> {
  const { tenant, claims } = await makeMeasured(db.sql);
  const owner: Claims = await makePerson(db.sql, { [tenant]: "owner" });
  await rpc(db.sql, owner, "set_budget", { level: "tenant", hard_tokens: 1_000_000_000_000 });
  const door = await directDoor(db.url, claims);
  const together = new Reservations((name, values, form) => door.call(name, values, form));
  const backends = await Promise.all(
    Array.from({ length: callers }, () => openBackend(db.url, claims)),
  );
  const ask = () => ({
    id: randomUUID(),
    agent: "measured",
    provider: "acme",
    model: "round-1",
    input: 100,
    output: 10,
  });
  const coalesced = async () => {
    const one = ask();
    const held = await together.reserve(one);
    const paid = held.error ? held : await together.settle(one.id, usage);
    if (paid.error) throw paid.error;
  };
  const alone = async (nth: number) => {
    const one = ask();
    const backend = backends[nth];
    await backend?.query("select mayfly.reserve_costs(asks => $1)", [[one]]);
    await backend?.query("select mayfly.settle_costs(settlements => $1)", [
      [{ hold: one.id, usage }],
    ]);
  };
  const rate = async (pair: (nth: number) => Promise<void>) => {
    const over = performance.now() + ms;
    let pairs = 0;
    const began = performance.now();
    const call = async (_: unknown, nth: number) => {
      for (; performance.now() < over; pairs++) await pair(nth);
    };
    await Promise.all(Array.from({ length: callers }, call));
    return (pairs / (performance.now() - began)) * 1_000;
  };
  const times = { ours: [] as number[], one: [] as number[], ratio: [] as number[] };
  await rate(coalesced);
  for (let round = 0; round < rounds(6, 3); round++) {
    const one = await rate(alone);
    const ours = await rate(coalesced);
    times.one.push(one);
    times.ours.push(ours);
    times.ratio.push(ours / one);
  }
  const ratio = quartiles(times.ratio);
  report({
    bench: "runs",
    name: `reserve and settle on one budget, by ${callers} callers of one worker (goal: a ratio of 3)`,
    on: "postgres",
    unit: "a second",
    ours: quartiles(times.ours).median,
    against: `one statement per call, on ${callers} connections`,
    baseline: quartiles(times.one).median,
    ratio: ratio.median,
    spread: [ratio.q1, ratio.q3],
  });
  await Promise.all(backends.map((backend) => backend.close()));
  await door.close();
}
