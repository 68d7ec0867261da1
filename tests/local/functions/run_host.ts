/** A program that a test kills. Prints Deno's process id when a request is under way. */
import { startFunctions } from "../../../local/src/functions/index.ts";

const [root = "", path = ""] = process.argv.slice(2);
const quiet = () => {};
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
const host = await startFunctions({ root, env: () => ({}), watch: true, log });
const call = (to: string) => host.fetch(new Request(`http://127.0.0.1/functions/v1/${to}`));
const pid = await (await call("wild")).text();
const asked = call(path);
if (path === "wild") await asked;
console.log(pid);
