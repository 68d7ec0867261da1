#!/usr/bin/env node
// Plain JavaScript, because an old Node cannot read TypeScript. In a clone, the Node that `npm
// install` installed takes over.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import * as modules from "node:module";
import { fileURLToPath } from "node:url";

const packed = new URL("./dist/main.js", import.meta.url);
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major > 22 || (major === 22 && minor >= 18)) {
  // Caches the compiled sources, because reading them takes half of the time until the first output.
  modules.enableCompileCache();
  await import(existsSync(packed) ? packed.href : "./src/main.ts");
} else runOnNewerNode();

function runOnNewerNode() {
  let node;
  try {
    node = modules.createRequire(import.meta.url).resolve("node/bin/node");
  } catch {
    console.error(
      `mayfly needs Node 22.18 or later, and this is ${process.versions.node}: install Node 24 from https://nodejs.org, or run npx --package node@24 --package mayfly mayfly.`,
    );
    process.exitCode = 1;
    return;
  }
  const args = [fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const child = spawn(node, args, { stdio: "inherit" });
  // A terminal sends Ctrl-C to both processes, and this one passes it on. So the child gets it
  // twice, and treats it as one.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
    process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    console.error(`Node could not be started: ${error.message}`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? { SIGINT: 130, SIGKILL: 137 }[signal] ?? 143;
  });
}
