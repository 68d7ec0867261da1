/** The AI SDK, which is loaded with the first run: whoever only starts and watches runs needs none. */
import { MayflyError } from "../contract/errors.ts";

export type Ai = typeof import("ai");
export type ModelMessage = import("ai").ModelMessage;
export type Part = import("@ai-sdk/provider").LanguageModelV4StreamPart;
export type CallOptions = import("@ai-sdk/provider").LanguageModelV4CallOptions;
export type Usage = import("@ai-sdk/provider").LanguageModelV4Usage;

let loaded: Promise<Ai> | undefined;

/** @throws `not_configured` where the package `ai` is not installed. */
export function loadAi(): Promise<Ai> {
  loaded ??= import("ai").catch((cause: unknown) => {
    loaded = undefined;
    throw new MayflyError(
      {
        code: "not_configured",
        message: "Runs need the package `ai`, version 7, which could not be loaded.",
        hint: "npm install ai@7, and a provider such as @ai-sdk/anthropic",
        details: { problem: cause instanceof Error ? cause.message : String(cause) },
      },
      { cause },
    );
  });
  return loaded;
}
