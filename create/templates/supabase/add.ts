// Adds a job, wakes the function, and waits for the result.
import { readFile } from "node:fs/promises";
import { Mayfly } from "@mayfly/sdk";

const { MAYFLY_URL: url, MAYFLY_KEY: key, MAYFLY_TENANT: tenant } = process.env;
if (!url || !key || !tenant) {
  console.error("Start it with: npm start");
  process.exit(1);
}
const mayfly = new Mayfly({ url, key, tenant });

try {
  const file = process.argv[2] ?? "README.md";
  const text = await readFile(file, "utf8");
  const { data: job, error } = await mayfly.jobs.add("outline", { text });
  if (error) throw error;

  // Wakes the function. On Supabase, pg_cron does this every few seconds while there are jobs. See
  // README.md.
  const woken = await fetch(`${url}/functions/v1/outline`, {
    method: "POST",
    headers: { apikey: key },
  });
  if (!woken.ok) throw new Error(`The function answered ${woken.status}: ${await woken.text()}`);

  const { data: ended, error: failed } = await mayfly.jobs.ended(job.id);
  if (failed) throw failed;
  console.log(`The job has ${ended.status}. The outline of ${file}:`, ended.result);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await mayfly.close();
}
