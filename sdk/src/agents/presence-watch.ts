import { list } from "../contract/answer-form.ts";
import { failed, type MayflyError, ok, type Result } from "../contract/errors.ts";
import { presenceTopic } from "../contract/topics.ts";
import type { Link } from "../link/link.ts";
import { attempt, report } from "../link/safe-callback.ts";
import { type LivingRow, livingRow } from "./answers.ts";
import type { Activity } from "./card.ts";

/** What an agent shows to its tenant. */
export interface PresenceState {
  status?: string;
  task?: string;
  metadata?: Record<string, unknown>;
}

/** An agent that is alive. Its status and its task are missing until the agent has shown them. */
export interface PresentAgent extends PresenceState {
  id: string;
  /**
   * `name`, `type` and `activity` come from the table. The agent itself sets the fields of `PresenceState`.
   */
  name: string;
  type: string;
  activity: Activity;
}

/** What has changed since the previous call. */
export interface PresenceChange {
  joined: PresentAgent[];
  left: PresentAgent[];
  changed: PresentAgent[];
}

/** Called with who is present, and what has just changed. */
export type PresenceHandler = (present: PresentAgent[], change: PresenceChange) => void;

/** Options of a presence watch. */
export interface PresenceWatchOptions {
  /** Called with each error after which the watch tries again. */
  onError?: (error: unknown) => void;
}

/** Calls `wake` when an agent starts or ends. */
export type FollowLives = (wake: () => void) => Promise<Result<{ stop(): Promise<void> }>>;

/** If an agent dies without leaving, the watch notices it within this time. */
const lookAgainMs = 15_000;
/** If many agents change, they are looked up together, at most this often. */
const pauseMs = 250;
/** How many ids one call of mayfly.living_agents accepts. */
const chunk = 1_000;

/**
 * Calls `handler` with every agent that is alive, now and at every change. The table says who is alive and
 * what they are called. Presence says what they show about themselves. An agent that has called `track` and
 * is no longer present counts as having left, even if its lifetime is not over. Either its process is gone,
 * or it called `leave`.
 */
export async function watchPresence(
  link: Link,
  handler: PresenceHandler,
  { onError }: PresenceWatchOptions = {},
  follow?: FollowLives,
): Promise<Result<() => Promise<void>>> {
  const tenant = link.tenant("Presence");
  if (tenant.error) return tenant;
  // Ask the database first. An agent without `presence:read` can join the topic, but Realtime sends it
  // nothing about others.
  const allowed = await link.rpc("living_agents", { ids: [] }, list(livingRow));
  if (allowed.error) return allowed;
  const hub = link.topics.hub(presenceTopic(tenant.data));
  let stopped = false;
  let looking = false;
  let again = false;
  let known: Map<string, PresentAgent> | undefined;
  let lives: Awaited<ReturnType<FollowLives>> | undefined;
  const everShown = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let endPause = () => {};
  const tellProblem = (error: MayflyError) => {
    if (onError) report(onError, "A watch of presence", error);
  };

  const look = async () => {
    again = true;
    if (looking) return;
    looking = true;
    while (again && !stopped) {
      again = false;
      clearTimeout(timer);
      let nextMs = lookAgainMs;
      const channel = hub.channel;
      const shown = channel ? stateOf(channel.presenceState<PresenceState>()) : undefined;
      const living = shown ? await findLiving(link, [...shown.keys()]) : undefined;
      if (stopped) break;
      if (living?.error) tellProblem(living.error);
      if (shown && living?.data) {
        for (const id of shown.keys()) everShown.add(id);
        const present = merge(
          shown,
          living.data.filter(({ id }) => shown.has(id) || !everShown.has(id)),
        );
        const change = compare(known, present);
        known = present;
        if (change) tell(handler, present, change, onError);
        for (const { seconds_left } of living.data)
          nextMs = Math.min(nextMs, Math.max(seconds_left * 1_000, 1_000));
      }
      timer = setTimeout(look, nextMs);
      (timer as { unref?: () => void }).unref?.();
      await new Promise<void>((resolve) => {
        const pause = setTimeout(resolve, pauseMs);
        (pause as { unref?: () => void }).unref?.();
        endPause = () => {
          clearTimeout(pause);
          resolve();
        };
      });
    }
    looking = false;
  };
  const sync = () => void look();
  const listener = { onError: tellProblem };
  const stop = async () => {
    link.stops.delete(stop);
    stopped = true;
    clearTimeout(timer);
    endPause();
    hub.dropSync(sync);
    await Promise.all([hub.drop(listener), lives?.data?.stop()]);
  };
  link.stops.add(stop);
  await hub.usePresence({ receive: true, onSync: sync });
  hub.add(listener);
  const joined = await hub.ready;
  if (joined.error) {
    await stop();
    return failed(joined.error);
  }
  // If the log cannot be followed, agents that show nothing are noticed at the next look.
  lives = await follow?.(sync);
  if (stopped) await lives?.data?.stop();
  if (lives?.error && lives.error.code !== "scope_missing") tellProblem(lives.error);
  return ok(stop);
}

/** What each agent shows. If an agent has several entries, the newest one counts. */
function stateOf(state: Record<string, (PresenceState & { presence_ref: string })[]>) {
  const shown = new Map<string, PresenceState>();
  for (const [id, metas] of Object.entries(state)) {
    const { status, task, metadata } = metas.at(-1) ?? {};
    shown.set(id, {
      ...(status && { status }),
      ...(task && { task }),
      ...(metadata && { metadata }),
    });
  }
  return shown;
}

/** The youngest 1,000 living agents, and the agents of `keys` that are alive. */
async function findLiving(link: Link, keys: string[]): Promise<Result<LivingRow[]>> {
  const youngest = await link.rpc("living_agents", {}, list(livingRow));
  if (youngest.error || youngest.data.length < chunk) return youngest;
  const found = new Set(youngest.data.map(({ id }) => id));
  // Clients choose the keys, so not every key is an id.
  const ids = keys.filter((key) => /^[0-9a-f-]{36}$/.test(key) && !found.has(key));
  const living = youngest.data;
  for (let at = 0; at < ids.length; at += chunk) {
    const answer = await link.rpc(
      "living_agents",
      { ids: ids.slice(at, at + chunk) },
      list(livingRow),
    );
    if (answer.error) return answer;
    living.push(...answer.data);
  }
  return ok(living);
}

function merge(shown: Map<string, PresenceState>, living: LivingRow[]) {
  return new Map(
    living.map(({ id, name, type, activity }) => [
      id,
      { ...shown.get(id), id, name, type, activity },
    ]),
  );
}

/** What has changed between two calls of the handler. Undefined if nothing has changed. */
function compare(
  before: Map<string, PresentAgent> | undefined,
  now: Map<string, PresentAgent>,
): PresenceChange | undefined {
  const joined: PresentAgent[] = [];
  const changed: PresentAgent[] = [];
  for (const [id, agent] of now) {
    const former = before?.get(id);
    if (!former) joined.push(agent);
    else if (JSON.stringify(former) !== JSON.stringify(agent)) changed.push(agent);
  }
  const left = [...(before ?? [])].filter(([id]) => !now.has(id)).map(([, agent]) => agent);
  return before && joined.length + left.length + changed.length === 0
    ? undefined
    : { joined, left, changed };
}

function tell(
  handler: PresenceHandler,
  present: Map<string, PresentAgent>,
  change: PresenceChange,
  onError: PresenceWatchOptions["onError"],
): void {
  attempt(
    () => handler([...present.values()], change),
    (error) => report(onError, "A handler of presence", error),
  );
}
