// The signed-in person, the project and the tenant. Everything on the page starts here.
import { Mayfly, type Tenant } from "@mayfly/sdk";
import { signal } from "@preact/signals";
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { closeSpace, openSpace, type Space } from "../live/space.ts";
import { say } from "../parts/notice.tsx";
import { type Config, readConfig } from "./config.ts";
import { enterTenants, redeemLink } from "./local-link.ts";

/** What the page shows. */
export type Phase =
  | { at: "loading" }
  | { at: "project" }
  | { at: "sign-in"; notice: string | null }
  | { at: "no-tenant" }
  | { at: "failed"; message: string; hint: string | null }
  | { at: "open" };

export const phase = signal<Phase>({ at: "loading" });
export const config = signal<Config | null>(null);
export const person = signal<{ id: string; email: string } | null>(null);
export const tenants = signal<Tenant[]>([]);
/** The open tenant, with everything that is known about it. */
export const space = signal<Space | null>(null);

let auth: SupabaseClient | null = null;
let everywhere: Mayfly | null = null;

/** The application's own client. The SDK acts as the person who signs in here. */
export const authClient = (): SupabaseClient => {
  if (!auth) throw new Error("No project is known yet.");
  return auth;
};

/** Acts as the signed-in person without a tenant, before one is open. */
export const mayflyAnywhere = (): Mayfly => {
  if (!everywhere) throw new Error("No project is known yet.");
  return everywhere;
};

const keptTenant = () => `mayfly-console:tenant:${config.value?.url}`;

/** Runs when the page is loaded, and whenever the signed-in person changes. */
export async function start(): Promise<void> {
  phase.value = { at: "loading" };
  config.value ??= await readConfig();
  const found = config.value;
  if (!found) {
    phase.value = { at: "project" };
    return;
  }
  auth ??= createClient(found.url, found.key, {
    auth: { flowType: "pkce", storageKey: `mayfly-console:session:${new URL(found.url).host}` },
  });
  everywhere ??= new Mayfly({ url: found.url, key: found.key, client: auth });
  const notice = found.local ? await redeemLink(auth) : null;
  const { data } = await auth.auth.getSession();
  if (!data.session) {
    person.value = null;
    phase.value = { at: "sign-in", notice };
    return;
  }
  const { id, email = "" } = data.session.user;
  person.value = { id, email };
  if (found.local) await enterTenants(data.session.access_token);
  await acceptFromLink();
  await listTenants();
}

/**
 * Lists the tenants, and opens the tenant in the address. If there is none in the address, opens the
 * tenant that was open last.
 */
export async function listTenants(): Promise<void> {
  const listed = await mayflyAnywhere().tenants.list();
  if (listed.error) {
    const { message, hint } = listed.error;
    phase.value = { at: "failed", message, hint };
    return;
  }
  tenants.value = listed.data;
  const named = /^#\/([0-9a-f-]{36})(\/|$|\?)/.exec(location.hash)?.[1];
  const wanted = named ?? localStorage.getItem(keptTenant());
  const tenant = listed.data.find(({ id }) => id === wanted) ?? listed.data[0];
  if (!tenant) {
    phase.value = { at: "no-tenant" };
    return;
  }
  if (named !== tenant.id) location.replace(`#/${tenant.id}/now`);
  if (named && named !== tenant.id) say({ tone: "amber", title: notMember });
  await openTenant(tenant);
}

/** The tenant that is open, or that is being opened. */
let wantedTenant: string | null = null;

/**
 * Opens the tenant that the address names, after the person has followed a link or gone back. If the
 * person is not a member, says so, and the open tenant stays.
 */
export async function followAddress(id: string): Promise<void> {
  const open = space.value?.tenant.id;
  if (open === undefined || id === (wantedTenant ?? open)) return;
  const isNamed = (tenant: Tenant) => tenant.id === id;
  if (!tenants.value.some(isNamed))
    tenants.value = (await mayflyAnywhere().tenants.list()).data ?? tenants.value;
  const tenant = tenants.value.find(isNamed);
  if (tenant) return openTenant(tenant);
  location.replace(`#/${open}/now`);
  if (id) say({ tone: "amber", title: notMember });
}

const notMember = "You are not a member of the tenant in that address, so another one is open.";

export async function openTenant(tenant: Tenant): Promise<void> {
  const found = config.value;
  if (!found || tenant.id === (wantedTenant ?? space.value?.tenant.id)) return;
  wantedTenant = tenant.id;
  localStorage.setItem(keptTenant(), tenant.id);
  const opened = await openSpace({ ...found, client: authClient() }, tenant);
  // Meanwhile, the person has gone to another tenant.
  if (wantedTenant !== tenant.id) {
    if (opened.data) await closeSpace(opened.data);
    return;
  }
  wantedTenant = null;
  const before = space.value;
  if (opened.error) {
    const { message, hint } = opened.error;
    phase.value = { at: "failed", message, hint };
    return;
  }
  space.value = opened.data;
  phase.value = { at: "open" };
  if (before) await closeSpace(before);
}

/** Signs out only in this browser, even if the project no longer knows the session. */
export async function signOut(): Promise<void> {
  await authClient().auth.signOut({ scope: "local" });
  if (space.value) await closeSpace(space.value);
  space.value = null;
  location.hash = "";
  await start();
}

/** Accepts the invitation in the address: `#invitation=…`. Accepting it twice changes nothing. */
async function acceptFromLink(): Promise<void> {
  const token = new URLSearchParams(location.hash.slice(1)).get("invitation");
  if (!token) return;
  history.replaceState(null, "", location.pathname);
  const { error } = await mayflyAnywhere().people.invitations.accept({ token });
  if (error && error.code !== "already_member") {
    const { message, hint } = error;
    phase.value = { at: "failed", message, hint };
  }
}
