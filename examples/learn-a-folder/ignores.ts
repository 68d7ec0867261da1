import { readFile, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import ignore from "ignore";

interface Layer {
  folder: string;
  rules: ReturnType<typeof ignore>;
  /** The files that .gitattributes marks as generated. The last matching line decides. */
  generated: { rules: ReturnType<typeof ignore>; is: boolean }[];
}

/** The rules in the ignore files and .gitattributes of a folder and its parents, as git reads them. */
export class Ignores {
  readonly #layers: readonly Layer[];

  constructor(layers: readonly Layer[] = []) {
    this.#layers = layers;
  }

  /** The rules for a folder, including those of the repository around it. */
  static async around(folder: string): Promise<Ignores> {
    const root = await repositoryOf(folder);
    if (!root) return new Ignores();
    const exclude = await layer(root, join(root, ".git", "info", "exclude"), null);
    let ignores = new Ignores(exclude ? [exclude] : []);
    const parts = relative(root, folder).split(sep).filter(Boolean);
    for (let depth = 0; depth < parts.length; depth++) {
      ignores = await ignores.within(join(root, ...parts.slice(0, depth)));
    }
    return ignores;
  }

  /** Adds the rules of the folder's own .gitignore and .gitattributes. */
  async within(folder: string): Promise<Ignores> {
    const own = await layer(folder, join(folder, ".gitignore"), join(folder, ".gitattributes"));
    return own ? new Ignores([...this.#layers, own]) : this;
  }

  /** The nearest file that mentions a path decides. */
  test(path: string, isFolder: boolean): boolean {
    for (const { folder, rules } of this.#layers.toReversed()) {
      const name = relative(folder, path).split(sep).join("/") + (isFolder ? "/" : "");
      const { ignored, unignored } = rules.test(name);
      if (ignored) return true;
      if (unignored) return false;
    }
    return false;
  }

  /** Whether .gitattributes marks a file as generated. */
  isGenerated(path: string): boolean {
    for (const { folder, generated } of this.#layers.toReversed()) {
      const name = relative(folder, path).split(sep).join("/");
      const said = generated.findLast(({ rules }) => rules.ignores(name));
      if (said) return said.is;
    }
    return false;
  }
}

async function layer(
  folder: string,
  ignoreFile: string,
  attributesFile: string | null,
): Promise<Layer | null> {
  const read = (file: string | null) => (file ? readFile(file, "utf8").catch(() => null) : null);
  const [ignored, attributes] = await Promise.all([read(ignoreFile), read(attributesFile)]);
  if (ignored === null && attributes === null) return null;
  return { folder, rules: ignore().add(ignored ?? ""), generated: generatedOf(attributes ?? "") };
}

/** The lines of .gitattributes with the attribute of GitHub's Linguist. */
function generatedOf(text: string): Layer["generated"] {
  return text.split("\n").flatMap((line) => {
    const [pattern = "", ...attributes] = line.trim().split(/\s+/);
    const said = attributes.findLast((one) => /^[-!]?linguist-generated(=|$)/.test(one));
    if (!said || pattern.startsWith("#")) return [];
    return [{ rules: ignore().add(pattern), is: !/^[-!]|=false$/.test(said) }];
  });
}

async function repositoryOf(folder: string): Promise<string | null> {
  for (let at = folder; ; at = dirname(at)) {
    const found = await stat(join(at, ".git")).catch(() => null);
    if (found) return at;
    if (dirname(at) === at) return null;
  }
}
