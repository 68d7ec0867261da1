// Freezes the current migrations as a release, and begins the next one:
//   npm run release -- <version of the next one>
import { join } from "node:path";
import { release } from "./sql/releases.ts";

const next = process.argv[2] ?? "";
if (!/^\d+\.\d+\.\d+$/.test(next)) {
  console.error("Name the version that comes after this release: npm run release -- 0.3.0");
  process.exit(2);
}
try {
  const version = await release(join(import.meta.dirname, ".."), next, new Date());
  console.log(
    `Released ${version}; ${next} is begun. What is left: docs/contributing/releasing.md`,
  );
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
