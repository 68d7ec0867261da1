// The one-time sign-in that an embedded Supabase has. No hosted project answers these addresses.
import type { SupabaseClient } from "@supabase/supabase-js";

interface Answer {
  data: { access_token: string; refresh_token: string } | null;
  error: { message: string; hint: string | null } | null;
}

const post = (path: string, body: object, headers: Record<string, string> = {}) =>
  fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });

/** Signs in by `#link=…`, if the address has one. @returns why not. */
export async function redeemLink({ auth }: SupabaseClient): Promise<string | null> {
  const token = new URLSearchParams(location.hash.slice(1)).get("link");
  if (token === null) return null;
  history.replaceState(null, "", location.pathname);
  const response = await post("sign-in", { token });
  const { data, error } = (await response.json()) as Answer;
  if (data) {
    const { access_token, refresh_token } = data;
    const set = await auth.setSession({ access_token, refresh_token });
    return set.error?.message ?? null;
  }
  // Who is signed in already needs no link.
  const { data: present } = await auth.getSession();
  return present.session ? null : [error?.message, error?.hint].filter(Boolean).join(" ");
}

/** Lets the developer of an embedded Supabase into the tenants that are new. Anyone else is left as is. */
export async function enterTenants(token: string): Promise<void> {
  await post("enter", {}, { authorization: `Bearer ${token}` }).catch(() => undefined);
}
