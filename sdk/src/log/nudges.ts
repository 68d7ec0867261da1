import { inboxTopic, logTopic, peopleTopic } from "../contract/topics.ts";
import type { Link } from "../link/link.ts";

/** A listener for nudges of a tenant's log. */
export interface NudgeListener {
  /**
   * Called when there may be something to pull, because a nudge arrived or may have been missed.
   */
  onNudge: () => void;
  /** Called when nudges start or stop arriving, because the topic was joined or lost. */
  onJoined: (joined: boolean) => void;
}

/**
 * Listens for nudges of the tenant, and for nudges about events that are meant for one agent. If an event
 * is meant for one agent, this agent is nudged on the topic of its inbox, and people on a topic of their own.
 *
 * @returns a function that stops listening.
 */
export function listenForNudges(
  { topics, self }: Link,
  tenant: string,
  listener: NudgeListener,
): () => Promise<void> {
  // The inbox topic carries more than nudges. A message is also in the log, but gets no nudge of its own.
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
    topics.join(self ? inboxTopic(tenant, self.id) : peopleTopic(tenant), {
      onMessage,
      onJoined: (flowing) => flowing && listener.onNudge(),
    }),
  ];
  return async () => {
    await Promise.all(joined.map((topic) => topic.leave()));
  };
}
