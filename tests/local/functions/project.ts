/** A small project in a temporary folder with the given functions, for tests of the host. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type FunctionsOptions, startFunctions } from "../../../local/src/functions/index.ts";
import type { Logger } from "../../../local/src/log.ts";

export interface LogLine {
  level: string;
  message: string;
  fields: Record<string, unknown>;
}

/** Keeps the log, and lets a test wait for a line. */
export class LogBook implements Logger {
  readonly lines: LogLine[] = [];
  readonly #waiting: { matches: (line: LogLine) => boolean; resolve: (line: LogLine) => void }[] =
    [];

  debug = (message: string, fields = {}) => this.#add("debug", message, fields);
  info = (message: string, fields = {}) => this.#add("info", message, fields);
  warn = (message: string, fields = {}) => this.#add("warn", message, fields);
  error = (message: string, fields = {}) => this.#add("error", message, fields);

  of(level: string): LogLine[] {
    return this.lines.filter((line) => line.level === level);
  }

  /**
   * Resolves with a line that matches, as soon as there is one. `requestId` limits it to the lines of a
   * request.
   */
  seen(pattern: RegExp, requestId?: string): Promise<LogLine> {
    const matches = ({ message, fields }: LogLine) =>
      pattern.test(message) && (!requestId || fields.request_id === requestId);
    const there = this.lines.find(matches);
    if (there) return Promise.resolve(there);
    return new Promise((resolve) => this.#waiting.push({ matches, resolve }));
  }

  forget(): void {
    this.lines.length = 0;
  }

  #add(level: string, message: string, fields: Record<string, unknown>): void {
    const line = { level, message, fields };
    this.lines.push(line);
    for (const waiting of this.#waiting.filter(({ matches }) => matches(line))) {
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      waiting.resolve(line);
    }
  }
}

export interface Project {
  root: string;
  write(path: string, text: string): void;
  remove(): void;
}

/** Writes the functions, and names each in supabase/config.toml. */
export function makeProject(functions: Record<string, string>): Project {
  const root = mkdtempSync(join(tmpdir(), "mayfly-functions-"));
  const write = (path: string, text: string) => {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    // Saves a file like editors do, so that a reader sees either the whole old file or the whole new file.
    writeFileSync(`${dirname(file)}/.saving`, text);
    renameSync(`${dirname(file)}/.saving`, file);
  };
  symlinkSync(join(import.meta.dirname, "../../../node_modules"), join(root, "node_modules"));
  write("package.json", `{"type":"module"}`);
  write("functions/deno.json", `{"nodeModulesDir":"manual","imports":{"zod":"npm:zod@4.6.7"}}`);
  write("supabase/config.toml", configFor(Object.keys(functions)));
  for (const [name, text] of Object.entries(functions)) write(`functions/${name}/index.ts`, text);
  return { root, write, remove: () => rmSync(root, { recursive: true, force: true }) };
}

export function configFor(names: string[], more = "verify_jwt = false"): string {
  const entries = names.map(
    (name) =>
      `[functions.${name}]\nentrypoint = "../functions/${name}/index.ts"\nimport_map = "../functions/deno.json"\n${more}\n`,
  );
  return `project_id = "test"\n${entries.join("\n")}`;
}

/** A host for the project; `call` fetches a function's path. */
export async function startHost(project: Project, options: Partial<FunctionsOptions> = {}) {
  const log = new LogBook();
  const host = await startFunctions({
    root: project.root,
    env: () => ({}),
    watch: false,
    log,
    ...options,
  });
  const call = (path: string, init: RequestInit = {}) =>
    host.fetch(new Request(`http://127.0.0.1:54321/functions/v1/${path}`, init));
  return { host, log, call };
}
