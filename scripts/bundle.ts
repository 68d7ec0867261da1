// What a program weighs in a browser's page.
import { gzipSync } from "node:zlib";
import { build, type Rolldown } from "vite";

const entry = "virtual:program";

export interface Bundle {
  /** All of it in one script, minified. */
  code: string;
  /** Of that, compressed. */
  bytes: number;
}

/**
 * Bundles a program as an application does.
 *
 * @param root its folder, in which its imports are looked for.
 * @param options.exports whether it keeps its exports, as a worker's script does.
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
