import { Mayfly } from "@mayfly/sdk";
import { createClient } from "@supabase/supabase-js";

const url = import.meta.env.VITE_MAYFLY_URL;
const key = import.meta.env.VITE_MAYFLY_PUBLISHABLE_KEY;

/** The application's own client: whoever signs in here is who Mayfly acts as. */
export const supabase = createClient(url, key);

/** As who is signed in, in a tenant or in none. There is no secret key in a browser. */
export const openMayfly = (tenant?: string) =>
  new Mayfly({ url, key, client: supabase, ...(tenant && { tenant }) });

/** Signs somebody in, or up. */
export async function enter(email: string, password: string, isNew: boolean): Promise<void> {
  const { data, error } = isNew
    ? await supabase.auth.signUp({ email, password })
    : await supabase.auth.signInWithPassword({ email, password });
  if (error) throw error;
  if (!data.session) throw new Error("Follow the link in the mail that was sent, then sign in.");
}

/** Accepts what the page's link invites to: `#invitation=…`. A second time changes nothing. */
export async function acceptFromLink(mayfly: Mayfly): Promise<void> {
  const token = new URLSearchParams(location.hash.slice(1)).get("invitation");
  if (!token) return;
  history.replaceState(null, "", location.pathname);
  const { error } = await mayfly.people.invitations.accept({ token });
  if (error && error.code !== "already_member") throw error;
}
