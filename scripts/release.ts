// Freezes the migrations as they stand as a release, and begins the next one:
//   npm run release -- <version of the next one>
import { join } from "node:path";
import { release } from "./sql/releases.ts";

const next = process.argv[2];
if (!/^\d+\.\d+\.\d+$/.test(next ?? "")) {
  console.error("Name the version that comes after this release: npm run release -- 0.2.0");
  process.exit(2);
}
const day = new Date().toISOString().slice(0, 10).replaceAll("-", "");
try {
  const version = await release(join(import.meta.dirname, ".."), {
    version: next as string,
    number: `${day}000000`,
  });
  console.log(`Released ${version}. Commit sql/releases.json, and tag it: git tag v${version}`);
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
