import { Mayfly } from "@mayfly/sdk";
import { createClient } from "@supabase/supabase-js";

const url = import.meta.env.VITE_MAYFLY_URL;
const key = import.meta.env.VITE_MAYFLY_PUBLISHABLE_KEY;

/** The application's own client. Mayfly acts as the person who signs in here. */
export const supabase = createClient(url, key);

/** Acts as the signed-in person, with or without a tenant. A browser never has the secret key. */
export const openMayfly = (tenant?: string) =>
  new Mayfly({ url, key, client: supabase, ...(tenant && { tenant }) });

/** Signs a person in, or signs them up. */
export async function enter(email: string, password: string, isNew: boolean): Promise<void> {
  const { data, error } = isNew
    ? await supabase.auth.signUp({ email, password })
    : await supabase.auth.signInWithPassword({ email, password });
  if (error) throw error;
  if (!data.session) throw new Error("Follow the link in the email that was sent, then sign in.");
}

/** Accepts the invitation in the page's link: `#invitation=…`. Accepting it twice changes nothing. */
export async function acceptFromLink(mayfly: Mayfly): Promise<void> {
  const token = new URLSearchParams(location.hash.slice(1)).get("invitation");
  if (!token) return;
  history.replaceState(null, "", location.pathname);
  const { error } = await mayfly.people.invitations.accept({ token });
  if (error && error.code !== "already_member") throw error;
}
