import { readFile, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import ignore from "ignore";

interface Layer {
  folder: string;
  rules: ReturnType<typeof ignore>;
}

/** What the ignore files of a folder and of those above it say, as git reads them. */
export class Ignores {
  readonly #layers: readonly Layer[];

  constructor(layers: readonly Layer[] = []) {
    this.#layers = layers;
  }

  /** The rules that hold in a folder: also those of the repository around it. */
  static async around(folder: string): Promise<Ignores> {
    const root = await repositoryOf(folder);
    if (!root) return new Ignores();
    const exclude = await layer(root, join(root, ".git", "info", "exclude"));
    let ignores = new Ignores(exclude ? [exclude] : []);
    const parts = relative(root, folder).split(sep).filter(Boolean);
    for (let depth = 0; depth < parts.length; depth++) {
      ignores = await ignores.within(join(root, ...parts.slice(0, depth)));
    }
    return ignores;
  }

  /** These rules and those of the folder's own .gitignore. */
  async within(folder: string): Promise<Ignores> {
    const own = await layer(folder, join(folder, ".gitignore"));
    return own ? new Ignores([...this.#layers, own]) : this;
  }

  /** The nearest file that says anything about a path decides. */
  test(path: string, isFolder: boolean): boolean {
    for (const { folder, rules } of this.#layers.toReversed()) {
      const name = relative(folder, path).split(sep).join("/") + (isFolder ? "/" : "");
      const { ignored, unignored } = rules.test(name);
      if (ignored) return true;
      if (unignored) return false;
    }
    return false;
  }
}

async function layer(folder: string, file: string): Promise<Layer | null> {
  try {
    return { folder, rules: ignore().add(await readFile(file, "utf8")) };
  } catch {
    return null;
  }
}

async function repositoryOf(folder: string): Promise<string | null> {
  for (let at = folder; ; at = dirname(at)) {
    const found = await stat(join(at, ".git")).catch(() => null);
    if (found) return at;
    if (dirname(at) === at) return null;
  }
}
