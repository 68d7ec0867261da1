import type { MayflyError, Result } from "@mayfly/sdk";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Refusal } from "./notice.tsx";
import { Empty } from "./panel.tsx";

export interface Loaded<T> {
  data: T | null;
  error: MayflyError | null;
  reload(): void;
}

/**
 * Asks when it is first drawn, and again when one of `on` has changed; what was there stays until the
 * new answer has come.
 */
export function useLoaded<T>(ask: () => Promise<Result<T>>, on: readonly unknown[]): Loaded<T> {
  const [answer, setAnswer] = useState<Result<T> | null>(null);
  const [round, setRound] = useState(0);
  const latest = useRef(0);
  useEffect(() => {
    const own = ++latest.current;
    void ask().then((came) => {
      // One that was asked later has come first.
      if (own === latest.current) setAnswer(came);
    });
  }, [round, ...on]);
  return {
    data: answer?.data ?? null,
    error: answer?.error ?? null,
    reload: () => setRound((before) => before + 1),
  };
}

/** What was loaded, or that it is under way, or why it was refused. */
export function Show<T>(props: { of: Loaded<T>; children(data: T): ComponentChildren }) {
  const { data, error } = props.of;
  if (error)
    return (
      <Empty title="This could not be read.">
        <Refusal error={error} />
      </Empty>
    );
  if (data === null) return <div class="skeleton" role="status" aria-label="Loading" />;
  return <>{props.children(data)}</>;
}
