import type { Mayfly } from "@mayfly/sdk";
import { useCallback, useSyncExternalStore } from "react";
import { type Follow, type Live, LiveStore } from "./store.ts";

// biome-ignore lint/suspicious/noExplicitAny: each key has a type of its own.
const stores = new WeakMap<Mayfly, Map<string, LiveStore<any>>>();

/** The store of this name, created when the first component asks for it. */
export function storeOf<T>(
  mayfly: Mayfly,
  key: string,
  initial: T,
  follow: Follow<T>,
): LiveStore<T> {
  let known = stores.get(mayfly);
  if (!known) {
    known = new Map();
    stores.set(mayfly, known);
  }
  const found: LiveStore<T> | undefined = known.get(key);
  if (found?.isOpen) return found;
  const all = known;
  const store = new LiveStore<T>(initial, follow, () => {
    if (all.get(key) === store) all.delete(key);
  });
  known.set(key, store);
  return store;
}

/** Returns the data of a store to a component. A store without subscribers holds no connection. */
export function useLive<T>(mayfly: Mayfly, key: string, initial: T, follow: Follow<T>): Live<T> {
  // Look the store up each time, because a store that has stopped is replaced by another one with the
  // same key.
  const store = () => storeOf(mayfly, key, initial, follow);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key determines what is followed.
  const subscribe = useCallback(
    (listener: () => void) => store().subscribe(listener),
    [mayfly, key],
  );
  const snapshot = () => store().getSnapshot();
  return useSyncExternalStore(subscribe, snapshot, snapshot);
}
