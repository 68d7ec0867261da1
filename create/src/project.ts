import { cp, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Template } from "./templates.ts";

const templatesFolder = join(import.meta.dirname, "../templates");

export interface Wish {
  template: Template;
  folder: string;
  /** The folder with the tarballs of our packages, if they should not come from npm. */
  packages?: string;
}

interface Manifest {
  name: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  overrides?: Record<string, string>;
}

/**
 * Copies a template into a folder that is empty or does not exist yet.
 *
 * @returns how many files were copied.
 */
export async function makeProject({ template, folder, packages }: Wish): Promise<number> {
  await mkdir(folder, { recursive: true });
  const present = (await readdir(folder)).filter((name) => name !== ".git");
  if (present.length > 0)
    throw Object.assign(new Error(`${folder} is not empty. Name another folder.`), {
      code: "FOLDER",
    });
  await cp(join(templatesFolder, template.name), folder, { recursive: true });
  // npm leaves .gitignore files out of packages.
  await rename(join(folder, "_gitignore"), join(folder, ".gitignore"));
  const path = join(folder, "package.json");
  const manifest = JSON.parse(await readFile(path, "utf8")) as Manifest;
  manifest.name = nameOf(folder);
  await setVersion(folder, manifest);
  if (packages !== undefined) await takeFrom(packages, manifest);
  await writeFile(path, `${JSON.stringify(manifest, null, 2)}\n`);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).length;
}

/** A name that npm accepts. */
const nameOf = (folder: string): string =>
  basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^-+|-+$/g, "") || "my-team";

const ours: Record<string, string> = {
  "@mayfly/sdk": "mayfly-sdk",
  "@mayfly/react": "mayfly-react",
  "@mayfly/local": "mayfly-local",
  "@mayfly/testing": "mayfly-testing",
  mayfly: "mayfly",
};

/** Gives our packages the version of this program, whatever version the template names. */
async function setVersion(folder: string, manifest: Manifest): Promise<void> {
  const own = await readFile(join(import.meta.dirname, "../package.json"), "utf8");
  const { version } = JSON.parse(own) as { version: string };
  for (const kind of ["dependencies", "devDependencies"] as const)
    for (const name of Object.keys(manifest[kind] ?? {}))
      if (manifest[kind] && name in ours) manifest[kind][name] = `^${version}`;
  for (const path of await readdir(folder, { recursive: true })) {
    if (!path.endsWith("deno.json")) continue;
    const text = await readFile(join(folder, path), "utf8");
    const named = text.replace(/(npm:@mayfly\/sdk@)[^"]+/g, `$1${version}`);
    await writeFile(join(folder, path), named);
  }
}

async function takeFrom(folder: string, manifest: Manifest): Promise<void> {
  const files = await readdir(folder);
  for (const [name, begins] of Object.entries(ours)) {
    const file = files.find((one) => new RegExp(`^${begins}-\\d.*\\.tgz$`).test(one));
    if (file === undefined) throw new Error(`There is no tarball of ${name} in ${folder}.`);
    const spec = `file:${join(folder, file)}`;
    for (const kind of ["dependencies", "devDependencies"] as const)
      if (manifest[kind]?.[name] !== undefined) manifest[kind][name] = spec;
    // Our other packages depend on @mayfly/local, so it must also come from this folder.
    if (name === "@mayfly/local") manifest.overrides = { ...manifest.overrides, [name]: spec };
  }
}
