/**
 * The AI SDK, loaded when the first run starts. A program that only starts and watches runs does not need
 * it.
 */
import { MayflyError } from "../contract/errors.ts";

export type Ai = typeof import("ai");
export type ModelMessage = import("ai").ModelMessage;
export type Part = import("@ai-sdk/provider").LanguageModelV4StreamPart;
export type CallOptions = import("@ai-sdk/provider").LanguageModelV4CallOptions;
export type Usage = import("@ai-sdk/provider").LanguageModelV4Usage;

let loaded: Promise<Ai> | undefined;

/**
 * The name is not a literal in the import, because a bundler would follow it and fail without the
 * package.
 */
const name: string = "ai";

/**
 * Provides the AI SDK to runs that cannot import it themselves, because they are in a bundle, such as a
 * web page or a Worker. In Node, Deno and Bun the package `ai` is found without this.
 *
 * @example
 * import * as ai from "ai";
 * import { provideAi } from "@mayfly/sdk";
 *
 * provideAi(ai);
 */
export function provideAi(ai: Ai): void {
  loaded = Promise.resolve(ai);
}

/** @throws `not_configured` if the package `ai` is not installed. */
export function loadAi(): Promise<Ai> {
  const found = () =>
    import(/* @vite-ignore */ /* webpackIgnore: true */ /* turbopackIgnore: true */ name);
  loaded ??= (found() as Promise<Ai>).catch((cause: unknown) => {
    loaded = undefined;
    throw new MayflyError(
      {
        code: "not_configured",
        message: "Runs need the package `ai`, version 7, which could not be loaded.",
        hint: "Run npm install ai@7, and install a provider such as @ai-sdk/anthropic. In a bundle, call provideAi(ai).",
        details: { problem: cause instanceof Error ? cause.message : String(cause) },
      },
      { cause },
    );
  });
  return loaded;
}
