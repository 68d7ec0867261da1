import { MayflyError } from "../contract/errors.ts";

export const unknownVersion = (version: number) =>
  new MayflyError({
    code: "version_unknown",
    message: `The version ${version} of the state is not kept.`,
    hint: "Choose one of the newest 100 versions, which history lists.",
    details: { version },
  });

/** The error of an update in which every try lost to another writer. */
export const versionConflict = (key: string, expected: number, version: number, tries: number) =>
  new MayflyError({
    code: "version_conflict",
    message: `Others changed the state ${JSON.stringify(key)} during each of ${tries} tries.`,
    hint: "For counters and lists, use increment or edit, which never conflict. Otherwise raise tries.",
    details: { expected, version },
  });
