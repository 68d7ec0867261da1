// A specialised worker: data processing. It reads a project's lockfile, counts the licences in each part, and
// adds them up. Each part is a step that is recorded once.
import { readFile } from "node:fs/promises";
import type { HeldJob } from "@mayfly/sdk";
import { readArguments } from "../arguments.ts";
import { openProject, resultOf } from "./project.ts";

type Counts = Record<string, number>;
interface Locked {
  packages: Record<string, { license?: string; dev?: boolean }>;
}
const perPart = 200;

const [file = "package-lock.json"] = readArguments("[lockfile]").words;
const { mayfly } = await openProject();
const { data: processor, error } = await mayfly.spawn({ type: "data-processor", lifetime: 300 });
if (error) throw error;
const { error: idle } = await processor.work({
  licences: async ({ file }: { file: string }, job: HeldJob) => {
    const { packages } = JSON.parse(await readFile(file, "utf8")) as Locked;
    const installed = Object.entries(packages).filter(([path]) => path.includes("node_modules/"));
    const totals: Counts = {};
    for (let at = 0; at < installed.length; at += perPart) {
      const counts = await job.step(`part ${at / perPart + 1}`, () => {
        const part: Counts = {};
        for (const [, { license = "not named" }] of installed.slice(at, at + perPart))
          part[license] = (part[license] ?? 0) + 1;
        return part;
      });
      for (const [name, count] of Object.entries(counts))
        totals[name] = (totals[name] ?? 0) + count;
    }
    return { packages: installed.length, totals };
  },
});
if (idle) throw idle;

const { packages, totals } = await resultOf<{ packages: number; totals: Counts }>(
  mayfly,
  "licences",
  { file },
);
console.log(`${file}: ${packages} packages`);
for (const [name, count] of Object.entries(totals)
  .toSorted(([, a], [, b]) => b - a)
  .slice(0, 5))
  console.log(`  ${count} ${name}`);
await mayfly.close({ stopAgents: true });
