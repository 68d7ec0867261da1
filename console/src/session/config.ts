/** Which project this console shows. */
export interface Config {
  /** The project's, as `https://<ref>.supabase.co`. */
  url: string;
  /** Its publishable key. No other key ever enters this page. */
  key: string;
  /** Whether an embedded Supabase serves this page: it can sign its developer in. */
  local: boolean;
}

const storageName = "mayfly-console:project";

/** As the server of this page says it, else as it was given in this browser; null where nobody has. */
export async function readConfig(): Promise<Config | null> {
  const response = await fetch("config.json", { cache: "no-store" }).catch(() => null);
  if (response?.ok && response.headers.get("content-type")?.includes("json")) {
    const { url, key, local } = (await response.json()) as Partial<Config>;
    if (url && key && keyFault(key) === null) return { url, key, local: local === true };
  }
  const kept = localStorage.getItem(storageName);
  if (kept === null) return null;
  const { url = "", key = "" } = JSON.parse(kept) as Partial<Config>;
  return { url, key, local: false };
}

export function keepConfig(url: string, key: string): void {
  localStorage.setItem(storageName, JSON.stringify({ url: url.replace(/\/+$/, ""), key }));
}

export const forgetConfig = () => localStorage.removeItem(storageName);

/** Why this is not the key that a page may have; null where it is. */
export function keyFault(key: string): string | null {
  if (key.startsWith("sb_secret_") || roleOf(key) === "service_role")
    return "This is a secret key. It must never be in a browser: rotate it if it has been in one. Take the publishable key.";
  if (key.startsWith("mfk_"))
    return "This is an enrolment key. Take the project's publishable key.";
  if (key.startsWith("sb_publishable_") || roleOf(key) === "anon") return null;
  return "This is no publishable key: it begins with sb_publishable_.";
}

/** Legacy keys are tokens that say their role. */
function roleOf(key: string): unknown {
  try {
    const claims = key.split(".")[1] ?? "";
    return (
      JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/"))) as { role?: unknown }
    ).role;
  } catch {
    return undefined;
  }
}
