import type { ListMessages, StoredMessage } from "@mayfly/sdk";
import { followList } from "./lists.ts";
import { useMayfly } from "./provider.ts";
import type { Live } from "./store.ts";
import { useLive } from "./use-live.ts";

/** Which messages. */
export type UseMessages = Pick<ListMessages, "recipient" | "sender" | "limit">;

const none: StoredMessage[] = [];

/**
 * Follows the messages that the caller may read, newest first: those of an inbox, those of a sender, or all.
 * The messages are only shown: none is acknowledged. Needs `message:read`.
 *
 * @example
 * const { data: messages } = useMessages({ recipient: agent.id, limit: 20 });
 */
export function useMessages(options: UseMessages = {}): Live<StoredMessage[]> {
  const mayfly = useMayfly();
  const { recipient, sender, limit = 100 } = options;
  const wanted = { limit, ...(recipient && { recipient }), ...(sender && { sender }) };
  const follow = followList(mayfly, ["message.*"], () => mayfly.messages.list(wanted));
  return useLive(mayfly, `messages ${JSON.stringify(wanted)}`, none, follow);
}
