import type { MayflyClient } from "../link/call.ts";
import { joinTopic } from "../link/topics.ts";

/** Who listens for nudges of a tenant's log. */
export interface NudgeListener {
  /** There may be something to pull: a nudge came, or nudges may have been missed until now. */
  onNudge: () => void;
  /** Whether nudges come at all. */
  onJoined: (joined: boolean) => void;
}

/** Whose client it is: what is for one agent alone is nudged in its inbox. */
const owners = new WeakMap<MayflyClient, string>();

export const setOwner = (client: MayflyClient, agentId: string) => void owners.set(client, agentId);

export const inboxTopic = (tenant: string, id: string) => `tenant:${tenant}:agent:${id}`;

/**
 * Listens for nudges, of the tenant and, as an agent, of its own inbox.
 *
 * @returns stops listening.
 */
export async function listenForNudges(
  client: MayflyClient,
  tenant: string,
  listener: NudgeListener,
): Promise<() => Promise<void>> {
  const owner = owners.get(client);
  // The inbox has more than nudges. A message that comes there stands in the log too, without another one.
  const onMessage = (event: string) => {
    if (event === "log_appended" || event === "message") listener.onNudge();
  };
  const topics = await Promise.all([
    joinTopic(client, `tenant:${tenant}:log`, {
      onMessage,
      onJoined: (joined) => {
        listener.onJoined(joined);
        if (joined) listener.onNudge();
      },
    }),
    ...(owner
      ? [
          joinTopic(client, inboxTopic(tenant, owner), {
            onMessage,
            onJoined: (joined) => joined && listener.onNudge(),
          }),
        ]
      : []),
  ]);
  return async () => {
    await Promise.all(topics.map((topic) => topic.leave()));
  };
}
