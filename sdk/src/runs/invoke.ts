/** One tool call: validates the input, enforces the timeout, and retries if configured. */
import { MayflyError } from "../contract/errors.ts";
import { Asleep } from "../jobs/held-job.ts";
import type { AskedCall } from "./prompt.ts";
import type { LoopTool } from "./tool-step.ts";
import type { ToolContext } from "./types.ts";

/** The outcome as it is recorded. `result` is JSON as text. */
export interface Said {
  status: "succeeded" | "failed";
  result?: string;
  error?: { code: string; message: string };
}

const maxResult = 1_000_000;
/** The longest delay of a timer. */
const longestMs = 2 ** 31 - 1;

/** @throws errors that end the attempt: that the job sleeps, or a lost lease. */
export async function invokeTool(
  tool: LoopTool | undefined,
  call: AskedCall,
  context: ToolContext,
): Promise<Said> {
  if (!tool) return failure("tool_unknown", `There is no tool ${call.tool}.`);
  const checked = await tool.input["~standard"].validate(call.input);
  if (checked.issues)
    return failure(
      "invalid_request",
      `The input does not match the schema: ${checked.issues[0]?.message}`,
    );
  const { retries = 0, timeout = 60, mask } = tool;
  for (let left = retries; ; left--) {
    try {
      const given = await within(timeout, context, (signal) =>
        tool.run(checked.value, { ...context, signal }),
      );
      const result = JSON.stringify((mask ? mask(given) : given) ?? null);
      if (result.length > maxResult)
        return failure(
          "invalid_request",
          "The result has more than 1 MB. Return a part of it, or a reference.",
        );
      return { status: "succeeded", result };
    } catch (thrown) {
      // If the job sleeps, or another worker has it, the tool has not failed.
      if (thrown instanceof Asleep) throw thrown;
      context.signal.throwIfAborted();
      if (thrown instanceof MayflyError && thrown.code === "lease_lost") throw thrown;
      const { code = "tool_failed", message } = Object(thrown) as {
        code?: string;
        message?: string;
      };
      if (left <= 0) return failure(String(code), String(message ?? thrown));
    }
  }
}

const failure = (code: string, message: string): Said => ({
  status: "failed",
  error: { code: code.slice(0, 100), message: message.slice(0, 2_000) },
});

async function within<T>(
  seconds: number,
  { signal }: ToolContext,
  work: (signal: AbortSignal) => T | Promise<T>,
): Promise<T> {
  const ending = new AbortController();
  const end = () => ending.abort(signal.reason);
  signal.addEventListener("abort", end);
  const late = Object.assign(new Error(`The tool took longer than ${seconds} s.`), {
    code: "tool_timeout",
  });
  const timer = setTimeout(() => ending.abort(late), Math.min(seconds * 1_000, longestMs));
  const over = new Promise<never>((_, reject) => {
    ending.signal.addEventListener("abort", () => reject(ending.signal.reason));
  });
  try {
    return await Promise.race([Promise.resolve(work(ending.signal)), over]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}
