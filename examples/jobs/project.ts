import { findRunning } from "@mayfly/local";
import type { Mayfly } from "@mayfly/sdk";
import { openTenant } from "../tenant.ts";

/** The embedded Supabase that runs in this folder, and the examples' tenant in it. */
export async function openProject(): Promise<{ mayfly: Mayfly; url: string; key: string }> {
  const project = await findRunning(".mayfly");
  if (!project) {
    console.error("Nothing runs here. In another terminal: npm start");
    process.exit(1);
  }
  const { apiUrl: url, secretKey: key } = project;
  return { mayfly: await openTenant(url, key), url, key };
}

/** Adds a job and gives its result when it has ended. */
export async function resultOf<T>(mayfly: Mayfly, name: string, input: unknown): Promise<T> {
  const { data: added, error } = await mayfly.jobs.add(name, input);
  if (error) throw error;
  const { data: job, error: unended } = await mayfly.jobs.ended<T>(added.id);
  if (unended) throw unended;
  if (job.status !== "succeeded") throw new Error(job.error?.message ?? job.status);
  return job.result as T;
}
