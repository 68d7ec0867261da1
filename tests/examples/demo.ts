import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";

const demo = join(import.meta.dirname, "../../examples/learn-a-folder/index.ts");

/** The demo as a person starts it: in its own process, with its own embedded Supabase. */
export let data: string;
export let folder: string;
const running = new Set<ChildProcess>();

export function setUp(): void {
  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), "mayfly-demo-data-"));
  });
  afterAll(() => rm(data, { recursive: true, force: true }));
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "mayfly-demo-"));
  });
  afterEach(async () => {
    for (const child of running) child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  });
}

export async function write(files: Record<string, string>) {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

export function start(args: string[], env: Record<string, string> = {}) {
  // Like vitest.config.ts: processes that live for seconds are not worth optimizing.
  const child = spawn(process.execPath, ["--liftoff-only", demo, ...args, "--data", data], {
    env: {
      PATH: process.env.PATH ?? "",
      HOME: process.env.HOME ?? "",
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? "",
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  let out = "";
  let err = "";
  const waiting: { text: string; seen: () => void }[] = [];
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    out += chunk;
    for (const one of waiting) if (out.includes(one.text)) one.seen();
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    err += chunk;
  });
  const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve) =>
    child.on("close", (code) => {
      running.delete(child);
      resolve({ code, out, err });
    }),
  );
  const says = (text: string) =>
    Promise.race([
      new Promise<void>((seen) => {
        waiting.push({ text, seen });
        if (out.includes(text)) seen();
      }),
      ended.then(() => {
        throw new Error(`It ended without saying “${text}”:\n${out}${err}`);
      }),
    ]);
  return { child, ended, says };
}

interface Answers {
  answers: {
    question: string;
    findings: { title: string; path: string; line: number; agent: string; endedAt: string }[];
  }[];
  agents: { name: string; role: string; endedAt: string | null }[];
  episodes: Record<string, number>;
  files: { read: number; skipped: Record<string, number> };
  supabase: { url: string; how: string };
  seenAlive: number | null;
  interrupted: boolean;
  error: unknown;
}

export async function learn(...args: string[]): Promise<Answers> {
  const { code, out, err } = await start([folder, ...args, "--json"]).ended;
  expect(err).toBe("");
  expect(code).toBe(0);
  return JSON.parse(out) as Answers;
}

export const notes = {
  "keys.md": "# Keys\n\n## Rotation\nThe signing key is rotated on the first Monday.\n",
  "src/clock.ts":
    "/** Winds the cuckoo clock. */\nexport function wind(turns: number): void {\n  spring(turns);\n}\n",
  "lunch.txt": "Lunch is at noon, in the garden if the sun shines.\n",
  ".gitignore": "drafts/\n",
  "drafts/secret.md": "# Nobody sees this\n",
};
