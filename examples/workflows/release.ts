// A release that a person supervises in the terminal: they approve, change or reject the notes of
// the release, and then its publication.
//   node_modules/.bin/node examples/workflows/release.ts [folder]      answers may also be piped in, one per line
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { type ListedApproval, workflow } from "@mayfly/sdk";
import { z } from "zod";
import { readArguments } from "../arguments.ts";
import { openProject } from "../jobs/project.ts";

const [folder = "."] = readArguments("[folder]").words;
const { mayfly } = await openProject();
const Notes = z.object({ version: z.string().min(1), notes: z.string().min(1).max(20_000) });

const release = workflow("release", z.object({ folder: z.string() }), async (ctx, { folder }) => {
  const found = await ctx.step("read", async () => {
    const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const changes = await readFile(join(folder, "CHANGELOG.md"), "utf8");
    return { version: String(version), notes: changes.split(/^## /m)[1]?.trim() ?? "No notes." };
  });
  const { input: final } = await ctx.approve("Are these the notes?", found, {
    category: "notes",
    expiresIn: "1h",
    inputSchema: z.toJSONSchema(Notes),
  });
  const files = await ctx.map("sum", ["package.json", "CHANGELOG.md"], (file, each) =>
    each.step("digest", async () => {
      const bytes = await readFile(join(folder, file));
      return `${createHash("sha256").update(bytes).digest("hex")}  ${file}`;
    }),
  );
  await ctx.approve(
    `Publish ${final.version}?`,
    { files },
    { category: "publish", expiresIn: "1h" },
  );
  return ctx.step("publish", async () => {
    const to = join(folder, ".mayfly/releases");
    await mkdir(to, { recursive: true });
    const path = join(to, `${final.version}.md`);
    await writeFile(path, `# ${final.version}\n\n${final.notes}\n\n${files.join("\n")}\n`);
    return path;
  });
});

const { data: agent, error } = await mayfly.spawn({ type: "release-manager", lifetime: 900 });
if (error) throw error;
const { error: idle } = await agent.work(release.handlers);
if (idle) throw idle;
const { data: run, error: unstarted } = await mayfly.workflows.start(release, { folder });
if (unstarted) throw unstarted;

let isOver = false;
const ended = mayfly.jobs.ended(run.id).finally(() => {
  isOver = true;
});
const terminal = createInterface({ input: process.stdin });
const answers = terminal[Symbol.asyncIterator]();
const seen = new Set<string>();
while (!isOver) {
  const { data: waiting = [] } = await mayfly.approvals.list({ status: "pending", limit: 100 });
  const next = waiting?.find((one) => one.jobId === run.id && !seen.has(one.id));
  if (next) await decide(next);
  else await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 100))]);
}
terminal.close();
const { data: done } = await ended;
console.log(
  done?.status === "succeeded"
    ? `Published: ${done.result}`
    : `Not published. ${done?.error?.message}`,
);
await mayfly.close({ stopAgents: true });

/** Asks the person at the terminal. An invalid or missing answer means no. */
async function decide(asked: ListedApproval): Promise<void> {
  seen.add(asked.id);
  const { data: whole } = await mayfly.approvals.get<Partial<z.infer<typeof Notes>>>(asked.id);
  if (!whole) return;
  console.log(`\n${whole.title}\n${JSON.stringify(whole.input, null, 2)}`);
  console.log("y: yes · v <version>: yes, as this version · anything else: no, for this reason");
  const { value: answer = "" } = await answers.next();
  const [, version] = /^v (\S+)$/.exec(answer) ?? [];
  const { error: refused } =
    answer === "y" || version
      ? await mayfly.approvals.approve(whole, version ? { input: { ...whole.input, version } } : {})
      : await mayfly.approvals.reject(whole, { reason: answer || "Nobody answered." });
  if (refused) console.log(refused.message, refused.hint ?? "");
  if (refused?.code === "invalid_request") seen.delete(asked.id);
}
