/** Who may call a job function, and with which identity it works. */

export interface ServeAccess {
  url?: string | undefined;
  /** The secret key with which it works. */
  key?: string | undefined;
  /** A caller with one of these secrets may call the function. */
  accepted: string[];
}

interface Given {
  url?: string;
  key?: string;
  secret?: string;
}

/** Missing values come from the environment that Supabase gives every function. */
export function accessOf(given: Given): ServeAccess {
  const { Deno, process } = globalThis as {
    Deno?: { env: { get(name: string): string | undefined } };
    process?: { env: Record<string, string | undefined> };
  };
  const read = (name: string) => Deno?.env.get(name) ?? process?.env[name];
  const keys = given.key ? {} : keysIn(read("SUPABASE_SECRET_KEYS"));
  const [first] = Object.values(keys);
  const key = given.key ?? keys.default ?? first ?? read("SUPABASE_SERVICE_ROLE_KEY");
  const legacy = given.key ? undefined : read("SUPABASE_SERVICE_ROLE_KEY");
  const secret = given.secret ?? read("MAYFLY_JOBS_SECRET");
  const accepted = [key, ...Object.values(keys), legacy, secret].filter((one) => !!one);
  return {
    url: given.url ?? read("SUPABASE_URL"),
    key,
    accepted: [...new Set(accepted as string[])],
  };
}

function keysIn(text: string | undefined): Record<string, string> {
  try {
    const keys: unknown = JSON.parse(text ?? "{}");
    return Object.fromEntries(
      Object.entries(Object(keys)).filter((entry): entry is [string, string] => !!entry[1]),
    );
  } catch {
    return {};
  }
}

/** Compares hashes, so that the time of a comparison does not tell how many characters match. */
export async function isAccepted(request: Request, accepted: string[]): Promise<boolean> {
  const { headers } = request;
  const said = [
    headers.get("x-mayfly-jobs-secret"),
    headers.get("apikey"),
    headers.get("authorization")?.replace(/^Bearer /i, ""),
  ].filter((one) => !!one) as string[];
  const [given, known] = await Promise.all(
    [said, accepted].map((all) => Promise.all(all.map(digestOf))),
  );
  return (known ?? []).some((one) => (given ?? []).some((other) => isEqual(one, other)));
}

const digestOf = async (text: string) =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));

const isEqual = (one: Uint8Array, other: Uint8Array) =>
  one.reduce((difference, byte, at) => difference | (byte ^ (other[at] ?? 0)), 0) === 0;
