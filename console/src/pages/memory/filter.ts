import type { MemoryKind } from "@mayfly/sdk";

/** Which memories are shown. The filter is in the address. */
export interface Filter {
  kind: MemoryKind | "";
  tag: string;
  agent: string;
  reward: string;
}

/** The filter as options of the SDK. */
export const toOptions = ({ kind, tag, agent, reward }: Filter) => ({
  ...(kind && { kinds: [kind] }),
  ...(tag && { tags: [tag] }),
  ...(agent && { agentId: agent }),
  ...(reward && { minReward: Number(reward) }),
});
