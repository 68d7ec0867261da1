import { inboxTopic, logTopic } from "../contract/topics.ts";
import type { Link } from "../link/link.ts";

/** A listener for nudges of a tenant's log. */
export interface NudgeListener {
  /** There may be something to pull: a nudge arrived, or nudges may have been missed. */
  onNudge: () => void;
  /** Whether nudges arrive at all. */
  onJoined: (joined: boolean) => void;
}

/**
 * Listens for nudges of the tenant. For an agent, also of its own inbox, where events for that agent alone
 * are announced.
 *
 * @returns stops listening.
 */
export function listenForNudges(
  { topics, self }: Link,
  tenant: string,
  listener: NudgeListener,
): () => Promise<void> {
  // The inbox has more than nudges. A message there is also in the log, without another nudge.
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
