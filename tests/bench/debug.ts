// What a debug call costs that nobody wants, against the call of an empty function, in one process:
// node tests/bench/debug.ts. No server: the agent of an address where nobody is has a stream that is off.
import { createClient } from "@supabase/supabase-js";
import type { Database } from "../../sdk/src/database.types.ts";
import { Debug } from "../../sdk/src/debug.ts";

const calls = 20_000_000;
const rounds = 7;

const client = createClient<Database, "mayfly">("http://127.0.0.1:9", "none", {
  db: { schema: "mayfly" },
});
// Without debug:write it opens nothing: off for good, as one that has asked and is not watched.
const debug = new Debug(client, { tenantId: "t", id: "a", scopes: [] });

class Empty {
  #top = 0;
  tool(_name: string, _data?: unknown): void {
    if (this.#top > 0) throw new Error("never");
  }
}
const empty = new Empty();
const data = () => ({ query: "x" });

// A loop each: one call site for all would measure the site.
const cases: Record<string, () => void> = {
  "an empty method": () => {
    for (let n = 0; n < calls; n++) empty.tool("search", data);
  },
  "debug.tool, off": () => {
    for (let n = 0; n < calls; n++) debug.tool("search", data);
  },
  "debug.thought, off": () => {
    for (let n = 0; n < calls; n++) debug.thought("why", data);
  },
  "debug.tool, off, with a literal": () => {
    for (let n = 0; n < calls; n++) debug.tool("search", { query: n });
  },
};

const best: Record<string, number> = {};
for (let round = 0; round < rounds; round++) {
  for (const [name, run] of Object.entries(cases)) {
    const began = performance.now();
    run();
    const ns = ((performance.now() - began) * 1e6) / calls;
    best[name] = Math.min(best[name] ?? Number.POSITIVE_INFINITY, ns);
  }
}
const heapBefore = process.memoryUsage().heapUsed;
for (let n = 0; n < calls; n++) debug.tool("search", data);
const perCall = (process.memoryUsage().heapUsed - heapBefore) / calls;

const base = best["an empty method"] ?? 1;
for (const [name, ns] of Object.entries(best))
  console.log(`${name.padEnd(34)} ${ns.toFixed(2)} ns  ${(ns / base).toFixed(2)} x`);
console.log(`heap: ${Math.max(0, perCall).toFixed(3)} bytes a call`);
