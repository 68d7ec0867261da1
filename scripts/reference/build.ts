// Makes docs/reference/ from the docstrings of the SDK's exports: a page for each class and for each interface with
// methods, and one page for all other types. Fails if a docstring is missing.
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Application, type DeclarationReflection, ReflectionKind } from "typedoc";
import { readArguments } from "../../examples/arguments.ts";
import { bodyOf, fileOf, indexOf, type Linker, typesPage } from "./pages.ts";
import { hasMethods, nameRows, undocumented } from "./read.ts";
import { hashOfSources, madeFrom, readSources } from "./sources.ts";

readArguments();
const root = join(import.meta.dirname, "../..");
const folder = join(root, "docs/reference");

/** The exports of the SDK by name, without what is generated from the database. */
async function readExports(): Promise<DeclarationReflection[]> {
  const app = await Application.bootstrap({
    entryPoints: [join(root, "sdk/src/index.ts")],
    tsconfig: join(root, "scripts/reference/tsconfig.json"),
    // `npm run check` checks the types, with the TypeScript of the repository.
    skipErrorChecking: true,
    excludePrivate: true,
    excludeProtected: true,
    excludeInternal: true,
    excludeExternals: true,
    disableSources: true,
    disableGit: true,
    logLevel: "Error",
  });
  const project = await app.convert();
  const exported = project?.children ?? [];
  if (exported.length === 0) throw new Error("TypeDoc found no exports in sdk/src/index.ts.");
  return exported
    .filter(({ name }) => name !== "Database")
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

nameRows((await readSources()).join("\n"));
const exported = await readExports();
const missing = undocumented(exported);
if (missing.length > 0) {
  console.error(`These have no docstring, or none with a summary:\n  ${missing.join("\n  ")}`);
  process.exit(1);
}

const paged = exported.filter(hasMethods);
const others = exported.filter((one) => !paged.includes(one));
const link: Linker = (name) => {
  const target = exported.find((one) => one.name === name);
  if (!target) return undefined;
  return paged.includes(target) ? fileOf(name) : `types.md#${name.toLowerCase()}`;
};
const stamp = madeFrom(await hashOfSources());
const pages = new Map<string, string>();
for (const one of paged) {
  const kind = one.kind === ReflectionKind.Class ? "" : "";
  pages.set(fileOf(one.name), `# ${one.name}${kind}\n\n${bodyOf(one, 2, link)}`);
}
pages.set("types.md", typesPage(others, link));
pages.set("README.md", `${indexOf(exported, link)}\n${stamp}\n`);

await mkdir(folder, { recursive: true });
for (const old of await readdir(folder)) if (!pages.has(old)) await rm(join(folder, old));
for (const [file, text] of pages)
  await writeFile(join(folder, file), `${text.replace(/\n{3,}/g, "\n\n").trimEnd()}\n`);
console.log(`wrote docs/reference: ${pages.size} pages of ${exported.length} exports`);
