/**
 * The cost of a debug call that nobody watches, compared with a call of an empty method in the same run:
 *
 *   node tests/bench/debug.ts [--quick]
 */

import type { Database } from "@mayfly/sdk/contract/database.types";
import { Debug, Link, Log } from "@mayfly/sdk/internal";
import { createClient } from "@supabase/supabase-js";
import { compare } from "./lib/measure.ts";
import { report } from "./lib/report.ts";
import { quick, rounds } from "./lib/target.ts";

const calls = quick ? 5_000_000 : 20_000_000;

const client = createClient<Database, "mayfly">("http://127.0.0.1:9", "none", {
  db: { schema: "mayfly" },
});
const link = new Link({ client });
// An agent without the scope debug:write opens no connection, and its debug stream is off, as if nobody
// watched.
const debug = new Debug(link, new Log(link), { tenantId: "t", id: "a", scopes: [] });

class Empty {
  #top = 0;
  tool(_name: string, _data?: unknown): void {
    if (this.#top > 0) throw new Error("never");
  }
}
const empty = new Empty();
const data = () => ({ query: "x" });

const nothing = async () => {
  for (let n = 0; n < calls; n++) empty.tool("search", data);
};
// Each case has its own loop, because a call site that all cases share would itself be slow, and be measured
// too.
const cases: Record<string, () => Promise<void>> = {
  "debug.tool, off": async () => {
    for (let n = 0; n < calls; n++) debug.tool("search", data);
  },
  "debug.thought, off": async () => {
    for (let n = 0; n < calls; n++) debug.thought("why", data);
  },
  "a record that the SDK itself makes, off": async () => {
    for (let n = 0; n < calls; n++) debug.note("message", "sent", data);
  },
};
for (const [name, work] of Object.entries(cases)) {
  const { ours, baseline, ratio } = await compare(rounds(20), work, nothing);
  report({
    bench: "debug",
    name,
    on: "the SDK",
    unit: "ns",
    ours: (ours.median * 1e6) / calls,
    against: "an empty method",
    baseline: (baseline.median * 1e6) / calls,
    ratio: ratio.median,
    spread: [ratio.q1, ratio.q3],
  });
}

const before = process.memoryUsage().heapUsed;
for (let n = 0; n < calls; n++) debug.tool("search", data);
const bytes = Math.max(0, process.memoryUsage().heapUsed - before) / calls;
report({ bench: "debug", name: "heap per call, off", on: "the SDK", unit: "bytes", ours: bytes });
