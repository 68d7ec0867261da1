// Makes the package that `npm create mayfly` runs.
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { copyTexts, published, readManifest, root, writeJson } from "./manifest.ts";
import { buildNodeCode } from "./node-code.ts";

/** @param folder empty. `npm pack` makes the tarball from it. */
export async function buildCreate(folder: string): Promise<void> {
  const { version, description } = await readManifest("create");
  await Promise.all([
    buildNodeCode(join(folder, "dist"), { main: "create/src/main.ts" }),
    cp(join(root, "create/create.js"), join(folder, "create.js")),
    cp(join(root, "create/templates"), join(folder, "templates"), { recursive: true }),
    copyTexts("create", folder),
    writeJson(join(folder, "package.json"), {
      name: "create-mayfly",
      version,
      description,
      keywords: ["create", "supabase", "agents", "ai", "template"],
      ...published("create"),
      type: "module",
      engines: { node: ">=22.18" },
      bin: { "create-mayfly": "./create.js" },
      exports: { "./package.json": "./package.json" },
      files: ["dist", "templates", "create.js", "AGENTS.md"],
    }),
  ]);
}
