/** Which project this console shows. */
export interface Config {
  /** The project's URL, such as `https://<ref>.supabase.co`. */
  url: string;
  /** The project's publishable key. This page never gets any other key. */
  key: string;
  /** Whether an embedded Supabase serves this page, so that it can sign its developer in. */
  local: boolean;
}

const storageName = "mayfly-console:project";

/**
 * The project that the server of this page names, or else the project that was entered in this browser.
 * Null if there is no such project.
 */
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

/** Why a page must not have this key. Null for a key that a page may have. */
export function keyFault(key: string): string | null {
  if (key.startsWith("sb_secret_") || roleOf(key) === "service_role")
    return "This is a secret key, which must never be in a browser. Use the publishable key, and rotate the secret key if it was in a browser before.";
  if (key.startsWith("mfk_")) return "This is an enrolment key. Use the project's publishable key.";
  if (key.startsWith("sb_publishable_") || roleOf(key) === "anon") return null;
  return "This is not a publishable key, which begins with sb_publishable_.";
}

/** Legacy keys are tokens that contain their role. */
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
