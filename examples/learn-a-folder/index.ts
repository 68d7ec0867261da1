#!/usr/bin/env node
import { Failure } from "./failure.ts";
import { type Options, readOptions } from "./options.ts";
import { jsonReport } from "./report-json.ts";
import { textReport } from "./report-text.ts";
import { run } from "./run.ts";

/** Exits after everything is closed, without waiting for anything that still keeps the process alive. */
const LINGER_MS = 500;

process.exitCode = await main();
setTimeout(() => process.exit(), LINGER_MS).unref();

async function main(): Promise<number> {
  // First, because the help is output too.
  const signal = interruption();
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
  return run(options, report, signal);
}

/** The first Ctrl-C aborts this signal. The second one exits at once. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new Error("interrupted"));
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  process.on("SIGHUP", interrupt);
  // The reader of the output is gone, as with `npm run demo | head`. This ends the demo without an error.
  process.stdout.on("error", () => controller.abort(new Error("nobody reads the output")));
  return controller.signal;
}
