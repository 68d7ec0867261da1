import { existsSync, readFileSync } from "node:fs";
import { afterEach } from "vitest";
import type { FunctionsOptions } from "../../../local/src/functions/index.ts";
import { makeProject, type Project, startHost } from "./project.ts";

export const says = (text: string) => `export default { fetch: () => new Response("${text}") };`;
export const wild = `
let release = () => {};
export default {
  fetch(request: Request) {
    switch (new URL(request.url).pathname) {
      case "/wild/late": setTimeout(() => { throw new Error("thrown late") }, 0); return new Response("fine");
      case "/wild/reject": Promise.reject(new Error("never awaited")); return new Promise(() => {});
      case "/wild/exit": Deno.exit(3); return;
      case "/wild/busy": while (true);
      case "/wild/hoard": { const kept = []; while (true) kept.push(new Array(100_000).fill(kept.length)); }
      case "/wild/stream": return new Response(new ReadableStream({
        start(controller) { controller.enqueue(new TextEncoder().encode("a part")); },
        cancel() { console.log("the reader left"); },
      }));
      case "/wild/hold": console.log("held"); return new Promise((resolve) => { release = () => resolve(new Response("released")); });
      case "/wild/release": release(); return new Response("ok");
      case "/wild/background":
        EdgeRuntime.waitUntil(new Promise((resolve) => setTimeout(resolve, 50)).then(() => console.log("kept to the end")));
        return new Response("ok");
    }
    return new Response(String(Deno.pid));
  },
};`;
export const slow = `
export default {
  fetch(request: Request) {
    console.log("slow begins");
    return new Promise((resolve) => setTimeout(() => resolve(new Response("slow but whole")), 100));
  },
};`;

export const open: { host: { close(ms?: number): Promise<void> }; project: Project }[] = [];

export async function start(
  functions: Record<string, string>,
  options: Partial<FunctionsOptions> = {},
) {
  const project = makeProject(functions);
  const running = await startHost(project, options);
  open.push({ host: running.host, project });
  await running.host.ready();
  return { ...running, project };
}

export function setUp(): void {
  afterEach(async () => {
    for (const { host, project } of open.splice(0)) {
      await host.close(0);
      project.remove();
    }
  });
}

export const pidAfter = async (call: (path: string) => Promise<Response>) =>
  Number(await (await call("wild")).text());

/** Resolves when no process with the id is running. A process that ended and waits to be reaped does not count. */
export async function gone(pid: number): Promise<void> {
  while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch (error) {
    // Without /proc, only the signal decides.
    return (error as NodeJS.ErrnoException).code === "ENOENT" && !existsSync("/proc/self");
  }
}
