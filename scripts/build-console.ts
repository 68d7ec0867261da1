// Builds the console, where it is not built yet or something that it is made of is newer: before npm start.
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { build } from "vite";

const root = join(import.meta.dirname, "..");
const made = join(root, "console/dist/index.html");
const sources = ["console/src", "console/index.html", "console/vite.config.ts", "sdk/src"];

const changedAt = async (path: string): Promise<number> =>
  (await stat(path).catch(() => null))?.mtimeMs ?? 0;

/** When the newest of these was changed. */
async function newest(): Promise<number> {
  const times = await Promise.all(
    sources.map(async (source) => {
      const path = join(root, source);
      const inside = await readdir(path, { recursive: true }).catch(() => []);
      return Promise.all([path, ...inside.map((file) => join(path, file))].map(changedAt));
    }),
  );
  return Math.max(...times.flat());
}

export async function buildConsole(): Promise<void> {
  if ((await changedAt(made)) > (await newest())) return;
  await build({ root: join(root, "console"), logLevel: "warn" });
}

if (import.meta.main) await buildConsole();
