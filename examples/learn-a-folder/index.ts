#!/usr/bin/env node
import { Failure } from "./failure.ts";
import { type Options, readOptions } from "./options.ts";
import { jsonReport } from "./report-json.ts";
import { textReport } from "./report-text.ts";
import { run } from "./run.ts";

/** After everything is closed, what still holds the process is not worth waiting for. */
const LINGER_MS = 500;

process.exitCode = await main();
setTimeout(() => process.exit(), LINGER_MS).unref();

async function main(): Promise<number> {
  let options: Options | null;
  try {
    options = await readOptions(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    process.stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
  if (!options) return 0;
  const { stdout, stderr } = process;
  const report = options.json
    ? jsonReport((text) => stdout.write(text))
    : textReport(stdout, stderr);
  return run(options, report, interruption());
}

/** Aborted by the first Ctrl-C; the second one does not wait for anything. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new Error("interrupted"));
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  process.on("SIGHUP", interrupt);
  // Whoever read the output has gone: `npm run demo | head`.
  process.stdout.on("error", () => controller.abort(new Error("nobody reads the output")));
  return controller.signal;
}
