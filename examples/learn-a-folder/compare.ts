import { createHash } from "node:crypto";
import type { Section } from "./extract/index.ts";

/** The parts of a previously learned section that comparing needs. */
export interface Known {
  id: string;
  path: string;
  title: string;
  line: number;
  hash: string;
  /** A model's summary of the whole file. */
  summary?: true;
}

export interface Changes {
  added: Section[];
  /** Sections that have a new text at the same place. For each, a new memory replaces the old one. */
  changed: { section: Section; before: Known }[];
  /**
   * Sections that have the same text on another line. Their memories are renewed, so that answers
   * name the right line.
   */
  moved: { section: Section; before: Known }[];
  gone: Known[];
  unchanged: number;
}

/** Compares the sections of a file with its memories. */
export function compare(sections: readonly Section[], known: readonly Known[]): Changes {
  const changes: Changes = { added: [], changed: [], moved: [], gone: [], unchanged: 0 };
  const left = new Set(known.filter(({ summary }) => !summary));
  const take = (fits: (known: Known) => boolean) => {
    for (const one of left) {
      if (!fits(one)) continue;
      left.delete(one);
      return one;
    }
    return undefined;
  };
  const pairUp = (
    from: readonly Section[],
    fits: (section: Section, known: Known) => boolean,
    pair: (section: Section, before: Known) => void,
  ) =>
    from.filter((section) => {
      const before = take((one) => fits(section, one));
      if (before) pair(section, before);
      return !before;
    });

  // The surest matches are made first. So if two sections have the same title, the right one counts
  // as changed.
  const same = new Map(sections.map((section) => [section, hashOf(section)]));
  const notThere = pairUp(
    sections,
    (section, one) => one.hash === same.get(section) && one.line === section.line,
    () => {
      changes.unchanged++;
    },
  );
  const notMoved = pairUp(
    notThere,
    (section, one) => one.hash === same.get(section),
    (section, before) => changes.moved.push({ section, before }),
  );
  changes.added = pairUp(
    notMoved,
    (section, one) => one.title === section.title,
    (section, before) => changes.changed.push({ section, before }),
  );
  changes.gone = [...left];
  return changes;
}

/** A key that is the same for the same title and text, wherever they are. */
export function hashOf(section: Section): string {
  const { kind, title, text } = section;
  return createHash("sha256")
    .update(JSON.stringify([kind, title, text]))
    .digest("base64url");
}
