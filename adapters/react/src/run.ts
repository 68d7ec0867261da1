import type { Mayfly, MayflyError, RunDetails } from "@mayfly/sdk";
import { Reader } from "./lists.ts";
import { useMayfly } from "./provider.ts";
import type { Follow, Live } from "./store.ts";
import { useLive } from "./use-live.ts";

/** The current progress of a run. */
export interface LiveRun<Output = unknown> {
  /** The run, with its status, its tools and its output. Undefined until it is read. */
  run: RunDetails<Output> | undefined;
  /** The text of all steps so far. A retried step replaces its earlier text. */
  text: string;
}

const nothing = { run: undefined, text: "" };
/** The shortest time between two renders of a text that streams. */
const frameMs = 16;

/**
 * Follows a run until it has ended, with its text as it streams. Without an id, it reads nothing. Needs
 * `run:read`. For a chat with the AI SDK, use `useChat` with `@mayfly/ai-sdk`.
 *
 * @example
 * const { data: { run, text } } = useRun(id);
 */
export function useRun<Output = unknown>(id: string | null | undefined): Live<LiveRun<Output>> {
  const mayfly = useMayfly();
  const follow = id ? followRun<Output>(mayfly, id) : followNothing<Output>();
  return useLive<LiveRun<Output>>(mayfly, `run ${id ?? ""}`, nothing, follow);
}

const followNothing =
  <Output>(): Follow<LiveRun<Output>> =>
  async (store) => {
    store.give(nothing);
    return null;
  };

const followRun =
  <Output>(mayfly: Mayfly, id: string): Follow<LiveRun<Output>> =>
  async (store) => {
    let run: RunDetails<Output> | undefined;
    const texts = new Map<number, string>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const show = () => {
      timer = undefined;
      store.give({ run, text: [...texts.values()].join("") });
    };
    const reader = new Reader<RunDetails<Output>>(
      {
        give(read) {
          run = read;
          show();
        },
        fail: (error) => store.fail(error),
      },
      () => mayfly.runs.get<Output>(id),
    );
    const ending = new AbortController();
    const listening = (async () => {
      reader.read();
      for await (const { step, chunk } of mayfly.runs.stream(id, { signal: ending.signal })) {
        const { type, delta } = chunk;
        if (type === "start-step") texts.set(step, "");
        else if (type === "text-delta") {
          texts.set(step, `${texts.get(step) ?? ""}${delta}`);
          timer ??= setTimeout(show, frameMs);
        } else if (type.startsWith("tool-output") || type === "tool-approval-request")
          reader.read();
      }
      reader.read();
    })().catch((error: unknown) => {
      if (!ending.signal.aborted) store.fail(error as MayflyError);
    });
    return {
      async stop() {
        clearTimeout(timer);
        reader.end();
        ending.abort();
        await listening;
      },
    };
  };
