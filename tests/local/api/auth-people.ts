import type { SupabaseClient, SupportedStorage } from "@supabase/supabase-js";
import { createClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, expect } from "vitest";
import { openProject, type Project } from "./harness.ts";

export let project: Project;

export function setUp(): void {
  beforeAll(async () => {
    project = await openProject("");
  });
  afterAll(() => project.close());
}

export const password = "correct horse battery";
export const address = () => `p-${crypto.randomUUID()}@example.com`;
export const anyone = () => project.client(project.keys.publishableKey);
export const secret = () => project.client(project.keys.secretKey);

/** A client with `flowType: "pkce"`, as for server-side rendering. */
export function pkceClient(): SupabaseClient {
  const kept = new Map<string, string>();
  const storage: SupportedStorage = {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
  return createClient(project.url, project.keys.publishableKey, {
    auth: { flowType: "pkce", storage, autoRefreshToken: false, detectSessionInUrl: false },
  });
}

export async function person(client = anyone()) {
  const email = address();
  const { data, error } = await client.auth.signUp({ email, password });
  expect(error).toBeNull();
  return { client, email, id: data.user?.id ?? "", session: data.session };
}

/** The last mail to this address: its code and its link. */
export function mailTo(email: string) {
  const mail = project.logged.findLast((line) => line.includes(`A mail to ${email}:`)) ?? "";
  const link = /http[^\s"\\]+\/verify\?[^\s"\\]+/.exec(mail)?.[0] ?? "";
  return { code: /\b\d{6}\b/.exec(mail)?.[0] ?? "", link, query: new URL(link).searchParams };
}
export async function follow(link: string) {
  const answer = await fetch(link, { redirect: "manual" });
  expect(answer.status).toBe(303);
  const url = new URL(answer.headers.get("location") ?? "");
  return { url, fragment: new URLSearchParams(url.hash.slice(1)) };
}
