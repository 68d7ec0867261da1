import type { Checkpoint, MayflyError } from "@mayfly/sdk";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Space } from "../../live/space.ts";

export interface History {
  checkpoints: Checkpoint[];
  error: MayflyError | null;
}

/** The most checkpoints to read. */
const most = 20_000;

/**
 * The checkpoints of a run: first all of them, and then the new ones whenever a value in `on` has
 * changed.
 */
export function useHistory(space: Space, id: string, on: readonly unknown[]): History {
  const [history, setHistory] = useState<History>({ checkpoints: [], error: null });
  const own = useRef({ known: [] as Checkpoint[], reading: false, again: false });
  useEffect(() => {
    const state = own.current;
    const read = async () => {
      state.reading = true;
      do {
        state.again = false;
        for (let more = true; more && state.known.length < most; ) {
          const after = state.known.at(-1)?.seq ?? 0;
          const page = await space.mayfly.workflows.history(id, { after });
          if (page.error) {
            setHistory({ checkpoints: state.known, error: page.error });
            break;
          }
          more = page.data.more && page.data.checkpoints.length > 0;
          state.known = [...state.known, ...page.data.checkpoints];
          setHistory({ checkpoints: state.known, error: null });
        }
      } while (state.again);
      state.reading = false;
    };
    // Only one read runs at a time. If something changes while it runs, another read follows.
    if (state.reading) state.again = true;
    else void read();
  }, [id, ...on]);
  return history;
}
