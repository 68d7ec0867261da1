#!/usr/bin/env node
// Plain JavaScript, because an old Node could not read TypeScript to print this error.
import { existsSync } from "node:fs";
import * as modules from "node:module";

const packed = new URL("./dist/cli.js", import.meta.url);
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major > 22 || (major === 22 && minor >= 18)) {
  modules.enableCompileCache();
  await import(existsSync(packed) ? packed.href : "./src/cli.ts");
} else {
  console.error(
    `The embedded Supabase needs Node 22.18 or later, and this is ${process.versions.node}: install Node 24 from https://nodejs.org. In a clone of Mayfly, \`npm start\` uses the Node that \`npm install\` installed.`,
  );
  process.exitCode = 1;
}
