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
 * Listens for nudges of the tenant. Also listens for nudges about events that are meant for one
 * agent. An agent gets the nudges about its own events in its inbox, and everybody else gets them
 * on a topic for people.
 *
 * @returns a function that stops listening.
 */
export function listenForNudges(
  { topics, self }: Link,
  tenant: string,
  listener: NudgeListener,
): () => Promise<void> {
  // The inbox has more than nudges. A message there is also in the log, and gets no separate nudge.
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
