/** The embedded Supabase in its own process, which a test kills. Prints `{ apiUrl, … }` when it serves. */
import { createConsoleLog, type LocalOptions, startLocal } from "@mayfly/local";

const options = JSON.parse(process.argv[2] ?? "{}") as Omit<LocalOptions, "log">;
const log = createConsoleLog({ verbose: true, json: true });
try {
  const local = await startLocal({ ...options, log, onCrash: () => process.exit(3) });
  process.on("SIGTERM", () => void local.close().then(() => process.exit(0)));
  const { apiUrl, dbUrl, secretKey, publishableKey } = local;
  process.stdout.write(`${JSON.stringify({ apiUrl, dbUrl, secretKey, publishableKey })}\n`);
} catch (error) {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
}
