import type { WatchBatch, WatchState } from "@mayfly/sdk";

/** Everything that a watch delivered, and a promise that resolves when there is enough. */
export function collector() {
  const batches: WatchBatch[] = [];
  let changed = () => {};
  return {
    batches,
    take: (batch: WatchBatch) => {
      batches.push(batch);
      changed();
    },
    subjects: () => batches.flatMap(({ events }) => events.map(({ subject }) => subject)),
    memories: () => batches.flatMap(({ memories }) => memories),
    until: (holds: () => boolean) =>
      new Promise<void>((resolve) => {
        changed = () => {
          if (holds()) resolve();
        };
        changed();
      }),
  };
}

/** Stores the cursor of a watch, like a file or a table would. */
export function storeOf(state: WatchState | null = null) {
  const store = {
    state,
    load: async () => store.state,
    save: async (next: WatchState) => {
      store.state = structuredClone(next);
    },
  };
  return store;
}
