#!/usr/bin/env node
// Plain JavaScript, because an old Node could not read TypeScript to print this error.
import { existsSync } from "node:fs";

const packed = new URL("./dist/main.js", import.meta.url);
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major > 22 || (major === 22 && minor >= 18))
  await import(existsSync(packed) ? packed.href : "./src/main.ts");
else {
  console.error(
    `Mayfly needs Node 22.18 or later, and this is ${process.versions.node}: install Node 24 from https://nodejs.org.`,
  );
  process.exitCode = 1;
}
