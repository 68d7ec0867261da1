import type { AgentLife } from "./agent-life.ts";
import { failed, type MayflyError, ok, type Result } from "./contract/errors.ts";
import type { MayflyClient } from "./link/call.ts";
import type { Limit } from "./link/requests.ts";
import { type Left, notPushed, pushLast } from "./outbox/last-push.ts";
import type { Outboxes } from "./outbox/outboxes.ts";

/** How a Mayfly ends. */
export interface CloseOptions {
  /** Whether its agents are stopped. Without it they end with their lifetime; false by default. */
  stopAgents?: boolean;
}

/** Ends agents, children before their parents: whose parent has ended can push nothing any more. */
export async function endAgents(
  agents: Iterable<AgentLife>,
  { stopAgents = false }: CloseOptions,
): Promise<MayflyError[]> {
  const levels = Map.groupBy(agents, ({ depth }) => depth);
  const errors: MayflyError[] = [];
  for (const depth of [...levels.keys()].sort((a, b) => b - a)) {
    const ended = (levels.get(depth) ?? []).map((agent) =>
      stopAgents ? agent.stop("Its Mayfly has closed.") : agent.close(),
    );
    for (const { error } of await Promise.all(ended)) if (error) errors.push(error);
  }
  return errors;
}

/** Pushes as the caller what agents could not, and says what is left of all. */
export async function pushRest(
  { client, outboxes, tenant }: { client: MayflyClient; outboxes: Outboxes; tenant?: string },
  errors: MayflyError[],
  limit: Limit,
): Promise<Result<null>> {
  let cause = errors.find(({ code }) => code === "not_pushed")?.cause as MayflyError | undefined;
  let rest: Left | null = null;
  const outbox = tenant && outboxes.of(tenant);
  if (outbox && outbox.waiting() > 0 && cause?.code !== "unavailable") {
    rest = await pushLast(client, outbox, null, limit);
  }
  cause = rest?.cause ?? cause;
  const unsynced = outboxes.all().reduce((sum, one) => sum + one.waiting(), 0);
  const refused = errors.reduce((sum, error) => sum + refusedOf(error), rest?.refused ?? 0);
  await Promise.all(outboxes.all().map((one) => one.close()));
  if (unsynced + refused > 0) {
    return failed(
      notPushed("The Mayfly is closed", { unsynced, refused, cause: cause ?? null }, { errors }),
    );
  }
  const [first] = errors.filter(({ code }) => code !== "not_pushed");
  return first ? failed(first) : ok(null);
}

function refusedOf({ details }: MayflyError): number {
  const { refused = 0 } = (details ?? {}) as { refused?: number };
  return refused;
}
