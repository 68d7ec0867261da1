/**
 * An agent in its own process with a changed clock. Either `Date` changes at some point, as when somebody sets
 * the clock, or it is wrong from the start of the process, as on a machine with a wrong clock.
 */
import { type Agent, Mayfly } from "@mayfly/sdk";

export type Told =
  | { do: "set"; ms: number }
  | { do: "remember"; task: string; expiresInMs?: number }
  | { do: "track"; task: string }
  | { do: "recall"; query: string }
  | { do: "look" };
/** What the process prints: one answer for each command, and what the agent received. */
export type Said =
  | { heard: string; of: "log" | "inbox" | "state" }
  | { answer: { id?: string; found?: string[]; secondsLeft?: number; timers?: number[] } };

const [url = "", key = "", tenant = "", startMs = "0"] = process.argv.slice(2);
const TrueDate = Date;
let shift = Number(startMs);
Object.defineProperty(performance, "timeOrigin", { value: performance.timeOrigin + shift });
globalThis.Date = class extends TrueDate {
  constructor(...given: [] | [number | string | Date]) {
    super(given.length === 0 ? TrueDate.now() + shift : (given[0] as number));
  }
  static override now = () => TrueDate.now() + shift;
} as DateConstructor;

/** The delays of timers since the last command. */
let timers: number[] = [];
const trueTimeout = setTimeout;
globalThis.setTimeout = ((step: () => void, ms = 0, ...given: unknown[]) => {
  timers.push(ms);
  return trueTimeout(step, ms, ...given);
}) as typeof setTimeout;

const say = (said: Said) => void process.send?.(said);
const mayfly = new Mayfly({ url, key, tenant });
const { data, error } = await mayfly.spawn({ lifetime: 300 });
if (error) throw error;
const agent: Agent = data;
const log = await agent.log.watch({ types: ["memory.*"] }, ({ memories }) => {
  for (const { task } of memories) say({ heard: task, of: "log" });
});
if (log.error) throw log.error;
const states = await agent.state.shared.watch("plan", ({ value }) =>
  say({ heard: String(value), of: "state" }),
);
if (states.error) throw states.error;
agent.on("info", ({ payload }) => say({ heard: payload.text, of: "inbox" }));

process.on("message", async (told: Told) => {
  if (told.do === "set") {
    timers = [];
    shift = told.ms;
  } else if (told.do === "remember") {
    const { task, expiresInMs } = told;
    const expiresAt = expiresInMs !== undefined && new Date(TrueDate.now() + expiresInMs);
    await agent.remember({ task, ...(expiresAt && { expiresAt }) });
    await agent.sync();
  } else if (told.do === "track") await agent.presence.track({ task: told.task });
  const query = told.do === "recall" ? told.query : undefined;
  const recalled = query === undefined ? null : await agent.memory.recallLocal(query);
  const found = recalled?.data?.results.map(({ task }) => task);
  say({
    answer: { id: agent.id, secondsLeft: agent.secondsLeft, timers, ...(found && { found }) },
  });
});
process.on("disconnect", () => process.exit());
say({ answer: { id: agent.id } });
