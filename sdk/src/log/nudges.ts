import { inboxTopic, logTopic } from "../contract/topics.ts";
import type { Link } from "../link/link.ts";

/** Who listens for nudges of a tenant's log. */
export interface NudgeListener {
  /** There may be something to pull: a nudge came, or nudges may have been missed until now. */
  onNudge: () => void;
  /** Whether nudges come at all. */
  onJoined: (joined: boolean) => void;
}

/**
 * Listens for nudges, of the tenant and, as an agent, of its own inbox: what is for one agent alone is
 * nudged there.
 *
 * @returns stops listening.
 */
export function listenForNudges(
  { topics, self }: Link,
  tenant: string,
  listener: NudgeListener,
): () => Promise<void> {
  // The inbox has more than nudges. A message that comes there stands in the log too, without another one.
  const onMessage = (event: string) => {
    if (event === "log_appended" || event === "message") listener.onNudge();
  };
  const joined = [
    topics.join(logTopic(tenant), {
      onMessage,
      onJoined: (flowing) => {
        listener.onJoined(flowing);
        if (flowing) listener.onNudge();
      },
    }),
  ];
  if (self)
    joined.push(
      topics.join(inboxTopic(tenant, self.id), {
        onMessage,
        onJoined: (flowing) => flowing && listener.onNudge(),
      }),
    );
  return async () => {
    await Promise.all(joined.map((topic) => topic.leave()));
  };
}
