// A specialised worker: code analysis. One job analyses a folder of TypeScript: it has a child for
// each file, and makes a report.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { HeldJob } from "@mayfly/sdk";
import { readArguments } from "../arguments.ts";
import { openProject, resultOf } from "./project.ts";

interface FileReport {
  file: string;
  lines: number;
  functions: number;
  deepest: number;
  imports: string[];
}

const [folder = "examples"] = readArguments("[folder]").words;
const { mayfly } = await openProject();
const { data: analyst, error } = await mayfly.spawn({ type: "code-analyst", lifetime: 300 });
if (error) throw error;
const { error: idle } = await analyst.work({
  "analyse-file": async ({ folder, file }: { folder: string; file: string }) =>
    analyse(file, await readFile(join(folder, file), "utf8")),
  "analyse-folder": async ({ folder }: { folder: string }, job: HeldJob) => {
    const files = await job.step("list", async () =>
      (await readdir(folder, { recursive: true })).filter((file) => file.endsWith(".ts")).sort(),
    );
    const reports: FileReport[] = [];
    // If a worker dies, the files that it has analysed are not analysed again.
    for (const file of files) {
      const options = { name: "analyse-file" };
      const { data, error } = await job.child<FileReport>(file, { folder, file }, options);
      if (error) throw error;
      reports.push(data);
    }
    return reports;
  },
});
if (idle) throw idle;

const reports = await resultOf<FileReport[]>(mayfly, "analyse-folder", { folder });
const lines = reports.reduce((sum, report) => sum + report.lines, 0);
console.log(`${folder}: ${reports.length} files, ${lines} lines`);
for (const { file, deepest } of reports.toSorted((a, b) => b.deepest - a.deepest).slice(0, 3))
  console.log(`  nested ${deepest} deep: ${file}`);
const used = Map.groupBy(
  reports.flatMap((report) => report.imports),
  (name) => name,
);
for (const [name, all] of [...used].toSorted(([, a], [, b]) => b.length - a.length).slice(0, 3))
  console.log(`  imported by ${all.length}: ${name}`);
await mayfly.close({ stopAgents: true });

function analyse(file: string, text: string): FileReport {
  let depth = 0;
  let deepest = 0;
  // Braces in strings and comments do not count.
  for (const [brace] of text.replace(/"[^"\n]*"|`[^`]*`|\/\/.*$/gm, "").matchAll(/[{}]/g)) {
    depth += brace === "{" ? 1 : -1;
    deepest = Math.max(deepest, depth);
  }
  return {
    file,
    lines: text.split("\n").length,
    functions: [...text.matchAll(/\bfunction\b|=>/g)].length,
    deepest,
    imports: [...text.matchAll(/\bfrom "([^".][^"]*)"/g)].map(([, name]) => name ?? ""),
  };
}
