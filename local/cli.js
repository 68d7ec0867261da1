#!/usr/bin/env node
// Plain JavaScript, since an old Node cannot even read the TypeScript that would tell it so.
import * as modules from "node:module";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major > 22 || (major === 22 && minor >= 18)) {
  modules.enableCompileCache();
  await import("./src/cli.ts");
} else {
  console.error(
    `The embedded Supabase needs Node 22.18 or later, and this is ${process.versions.node}: run it by \`npm start\`, which uses the Node that \`npm install\` brought.`,
  );
  process.exitCode = 1;
}
