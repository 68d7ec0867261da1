/**
 * The time from the call that sends a batch of chunks until they are on the screen of a watcher, compared
 * with a plain broadcast of Realtime.
 */
import { createClient } from "@supabase/supabase-js";
import { type Claims, makeAgent, rpc } from "#harness/callers";
import { startTestLocal } from "#harness/local";
import { claim } from "../../jobs/working.ts";
import { quartiles } from "../lib/measure.ts";
import { report } from "../lib/report.ts";
import { rounds, unlimited } from "../lib/target.ts";
import { startRun } from "./agents.ts";

const many = rounds(200, 60);
const pauseMs = 60;
const pause = () => new Promise((resolve) => setTimeout(resolve, pauseMs));

export async function measureScreen(): Promise<void> {
  const local = await startTestLocal({ broadcastLeadMs: 0 });
  const { tenant, mayfly } = await local.enter(unlimited);
  const { claims } = await makeAgent(local.sql, tenant, {
    lifetime: 3_000,
    scopes: ["job:read", "job:add", "job:work", "run:read", "run:write"],
  });
  const { id } = await startRun(local.sql, claims);
  const { jobs } = await claim(local.sql, claims, 1, { lease: 3_000 });
  const lease = jobs[0]?.lease ?? "";
  await rpc(local.sql, claims, "begin_run", { lease });

  const seen = new Map<number, number>();
  const watching = (async () => {
    for await (const { seq } of mayfly.runs.stream(id)) seen.set(seq, performance.now());
  })();
  const flush = (after: number) =>
    rpc(local.sql, claims as Claims, "append_run_chunks", {
      lease,
      after,
      chunks: '[[1, 1, {"type": "text-delta", "id": "1", "delta": "word "}]]',
      size: 1,
      tell: true,
    });
  // Warms up until the watcher gets broadcasts and no longer polls.
  let sent = 0;
  for (let told = 0; told < 5; ) {
    await flush(sent++);
    const at = performance.now();
    await pause();
    told = (seen.get(sent) ?? Number.POSITIVE_INFINITY) - at < pauseMs ? told + 1 : 0;
  }

  const { realtime } = createClient(local.apiUrl, local.secretKey);
  const bareSeen = new Map<number, number>();
  const channel = realtime.channel("bare", { config: { private: true } });
  channel.on("broadcast", { event: "one" }, ({ payload }) => {
    bareSeen.set(payload.n, performance.now());
  });
  await new Promise<void>((resolve) => {
    channel.subscribe((status) => status === "SUBSCRIBED" && resolve());
  });
  const ours: number[] = [];
  const bare: number[] = [];
  for (let n = 0; n < many; n++) {
    await flush(sent++);
    const flushed = performance.now();
    await pause();
    ours.push((seen.get(sent) ?? Number.NaN) - flushed);
    await local.sql`select realtime.send(jsonb_build_object('n', ${n}::int), 'one', 'bare', true)`;
    const told = performance.now();
    await pause();
    bare.push((bareSeen.get(n) ?? Number.NaN) - told);
  }
  const medianOf = (times: number[]) => quartiles(times.filter((ms) => !Number.isNaN(ms))).median;
  report({
    bench: "runs",
    name: "from the flush of a batch to a watcher of the run (goal: 50 ms more than bare Realtime)",
    on: "pglite",
    unit: "ms",
    ours: medianOf(ours),
    against: "a broadcast by bare Realtime",
    baseline: medianOf(bare),
    ratio: medianOf(ours) / medianOf(bare),
  });
  await rpc(local.sql, claims, "end_run", { lease, status: "succeeded", output: '"x"' });
  await watching;
  await realtime.disconnect();
  await mayfly.close();
  await local.close();
}
