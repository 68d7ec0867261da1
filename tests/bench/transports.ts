/**
 * Compares the calls of one agent over the Postgres transport with the same calls over the Data API, in turns.
 *
 *   DATABASE_URL=postgresql://… node tests/bench/transports.ts [--quick]
 */
import { type Agent, Mayfly, type Result } from "@mayfly/sdk";
import { PostgresTransport } from "@mayfly/sdk/postgres";
import { dataOf } from "#harness/agents";
import { makeTenant } from "#harness/callers";
import { compare } from "./lib/measure.ts";
import { reportComparison } from "./lib/report.ts";
import { openStack } from "./lib/stack.ts";
import { databases, rounds, unlimited } from "./lib/target.ts";

const batch = 20;
const together = 8;

const calls: Record<string, (agent: Agent) => Promise<Result<unknown>>> = {
  "reads of a state": (agent) => agent.state.get("plan"),
  "writes of a state": (agent) => agent.state.set("plan", { step: 1 }),
  "messages sent": (agent) => agent.send({ agent: agent.id }, "text", { text: "hello" }),
  "jobs added": (agent) => agent.jobs.add("read", { path: "a.md" }),
};

for (const on of databases()) {
  const { local, sql, close } = await openStack(on);
  const transport = new PostgresTransport(local.dbUrl);
  const options = {
    url: local.apiUrl,
    key: local.secretKey,
    tenant: await makeTenant(sql, unlimited),
  };
  const [http, direct] = [new Mayfly(options), new Mayfly({ ...options, transport })];
  const scopes = ["state:read", "state:write", "message:send", "message:read", "job:add"];
  const [other, own] = [
    dataOf(await http.spawn({ lifetime: 3_000, scopes })),
    dataOf(await direct.spawn({ lifetime: 3_000, scopes })),
  ];
  for (const [name, call] of Object.entries(calls)) {
    for (const at of [1, together]) {
      const by = (agent: Agent) => async () => {
        for (let n = 0; n < batch; n += at)
          for (const result of await Promise.all(Array.from({ length: at }, () => call(agent))))
            dataOf(result);
      };
      const what = `${batch} ${name}${at > 1 ? `, ${at} at once` : ""}`;
      reportComparison(
        { bench: "transports", name: what, on, against: "the Data API" },
        await compare(rounds(12), by(own), by(other)),
      );
    }
  }
  await Promise.all([http, direct].map((mayfly) => mayfly.close({ stopAgents: true })));
  await transport.close();
  await close();
}
