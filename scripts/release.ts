// Freezes the current migrations as a release, and begins the next one, which has this version.
import { join } from "node:path";
import { readArguments } from "../examples/arguments.ts";
import { release } from "./sql/releases.ts";

const [next = ""] = readArguments("[version]").words;
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
