import { createHash } from "node:crypto";
import type { Section } from "./extract/index.ts";

/** A section that somebody has learned before, as far as comparing needs it. */
export interface Known {
  id: string;
  path: string;
  title: string;
  line: number;
  hash: string;
  /** Of the whole file, by a model. */
  summary?: true;
}

export interface Changes {
  added: Section[];
  /** The same place with another text: the old memory goes, the new one comes. */
  changed: { section: Section; before: Known }[];
  /** The same text on another line, which an answer would otherwise name wrongly. */
  moved: { section: Section; before: Known }[];
  gone: Known[];
  unchanged: number;
}

/** Says how the sections of one file differ from what is remembered of it. */
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

  // The surest match first, so that of two sections with one title the right one counts as changed.
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

/** The same for the same title and text, wherever they stand. */
export function hashOf(section: Section): string {
  const { kind, title, text } = section;
  return createHash("sha256")
    .update(JSON.stringify([kind, title, text]))
    .digest("base64url");
}
