// The one-time sign-in of an embedded Supabase. No hosted project answers at these addresses.
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

/**
 * Signs in with the one-time link in the address, `#link=…`, if there is one. If the link also names a
 * tenant, `&tenant=…`, the address then names this tenant. @returns why the sign-in failed.
 */
export async function redeemLink({ auth }: SupabaseClient): Promise<string | null> {
  const given = new URLSearchParams(location.hash.slice(1));
  const token = given.get("link");
  if (token === null) return null;
  history.replaceState(null, "", location.pathname);
  const tenant = given.get("tenant");
  if (tenant !== null) location.replace(`#/${tenant}/now`);
  const response = await post("sign-in", { token });
  const { data, error } = (await response.json()) as Answer;
  if (data) {
    const { access_token, refresh_token } = data;
    const set = await auth.setSession({ access_token, refresh_token });
    return set.error?.message ?? null;
  }
  // Somebody who is already signed in needs no link.
  const { data: present } = await auth.getSession();
  return present.session ? null : [error?.message, error?.hint].filter(Boolean).join(" ");
}

/**
 * Makes the developer of an embedded Supabase a member of new tenants. Does nothing for anybody
 * else.
 */
export async function enterTenants(token: string): Promise<void> {
  await post("enter", {}, { authorization: `Bearer ${token}` }).catch(() => undefined);
}
