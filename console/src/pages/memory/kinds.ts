import type { MemoryKind } from "@mayfly/sdk";

/** Each kind with its colour. */
export const kinds: [MemoryKind, string][] = [
  ["episode", "violet"],
  ["task_result", "orange"],
  ["conversation", "teal"],
  ["learning", "blue"],
  ["fact", "green"],
  ["working", "amber"],
  ["general", "gray"],
];

export const toneOfKind = (kind: MemoryKind): string =>
  kinds.find(([one]) => one === kind)?.[1] ?? "gray";

export const kindWord = (kind: MemoryKind): string => kind.replace("_", " ");
