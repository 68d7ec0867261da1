import { findRunning } from "@mayfly/local";
import type { Mayfly } from "@mayfly/sdk";
import { openTenant } from "../tenant.ts";

/** The embedded Supabase that runs in this folder, with the tenant of the examples. */
export async function openProject(): Promise<{ mayfly: Mayfly; url: string; key: string }> {
  const project = await findRunning(".mayfly");
  if (!project) {
    console.error("No project is running in this folder. Start one in another terminal: npm start");
    process.exit(1);
  }
  const { apiUrl: url, secretKey: key } = project;
  return { mayfly: await openTenant(url, key), url, key };
}

/** Adds a job, waits for it to end, and returns its result. */
export async function resultOf<T>(mayfly: Mayfly, name: string, input: unknown): Promise<T> {
  const { data: added, error } = await mayfly.jobs.add(name, input);
  if (error) throw error;
  const { data: job, error: unended } = await mayfly.jobs.ended<T>(added.id);
  if (unended) throw unended;
  if (job.status !== "succeeded") throw new Error(job.error?.message ?? job.status);
  return job.result as T;
}
