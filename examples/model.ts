/** The chosen language model: by its name, or by the key in the environment. */
import type { LanguageModelV4 } from "@ai-sdk/provider";

export interface Chosen {
  /** `provider/model`. */
  name: string;
  model: LanguageModelV4;
}

/**
 * The variable with the key of each provider, and its default model. The first provider with a key is used.
 */
const providers: Record<string, { key: string; model: string }> = {
  openai: { key: "OPENAI_API_KEY", model: "gpt-5-mini" },
  anthropic: { key: "ANTHROPIC_API_KEY", model: "claude-haiku-4-5" },
  google: { key: "GOOGLE_GENERATIVE_AI_API_KEY", model: "gemini-2.5-flash" },
};
/** Vercel's gateway, which has the models of all providers. */
const gatewayKey = "AI_GATEWAY_API_KEY";

export const keys = [...Object.values(providers).map(({ key }) => key), gatewayKey];

/**
 * The model of this name (`provider/model`), or the default model of the first provider whose key is set.
 * Null if no name is given and no key is set.
 *
 * @throws an error that says in one sentence what is wrong.
 */
export async function chooseModel(
  name: string | undefined,
  env: Record<string, string | undefined>,
): Promise<Chosen | null> {
  const wanted = name ?? defaultOf(env);
  if (!wanted) return null;
  const [provider = "", ...rest] = wanted.split("/");
  const id = rest.join("/");
  if (!/^[a-z][a-z0-9-]*$/.test(provider) || id === "")
    throw new Error(`"${wanted}" is not a model. Use provider/model, such as openai/gpt-5-mini.`);
  const own = providers[provider]?.key;
  if (env[gatewayKey] && !(own && env[own])) {
    const { gateway } = await import("ai");
    return { name: wanted, model: gateway(wanted) };
  }
  if (own && !env[own]) throw new Error(`${wanted} needs ${own}, which is not set.`);
  return { name: wanted, model: await ofPackage(provider, id) };
}

function defaultOf(env: Record<string, string | undefined>): string | undefined {
  const known = Object.entries(providers).find(([, { key }]) => env[key]);
  if (known) return `${known[0]}/${known[1].model}`;
  return env[gatewayKey] ? "openai/gpt-5-mini" : undefined;
}

/** Each provider of the AI SDK is a package that exports a function of the same name. */
async function ofPackage(provider: string, id: string): Promise<LanguageModelV4> {
  const name = `@ai-sdk/${provider}`;
  const found = await import(name).catch(() => null);
  const make = found?.[provider.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())];
  if (typeof make !== "function")
    throw new Error(`The package ${name} is missing. Run npm install ${name}`);
  return make(id);
}
