// Measures the size of a program on a web page.
import { gzipSync } from "node:zlib";
import { build, type Rolldown } from "vite";

const entry = "virtual:program";

export interface Bundle {
  /** The program and its imports as one minified script. */
  code: string;
  /** The script's compressed size. */
  bytes: number;
}

/**
 * Bundles a program as an application would.
 *
 * @param root the folder where the program's imports are looked up.
 * @param options.exports whether the bundle keeps the program's exports, like a worker's script.
 */
export async function bundle(
  root: string,
  program: string,
  { exports = false }: { exports?: boolean } = {},
): Promise<Bundle> {
  const { output } = (await build({
    root,
    configFile: false,
    logLevel: "error",
    plugins: [
      {
        name: "program",
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) => (id === entry ? program : undefined),
      },
    ],
    build: {
      write: false,
      target: "es2023",
      minify: true,
      modulePreload: false,
      rolldownOptions: {
        input: entry,
        ...(exports && { preserveEntrySignatures: "strict" as const }),
        output: { format: "es", codeSplitting: false },
      },
    },
  })) as Rolldown.RolldownOutput;
  const [{ code }] = output;
  return { code, bytes: gzipSync(code).length };
}
