/** Schemas of answers about artifacts. See `answer-form.ts`. */
import { count, list, maybeText, object, row, text, texts, word } from "../contract/answer-form.ts";
import type { ArtifactRow } from "./types.ts";

export const artifactRow = row<ArtifactRow>({
  id: text,
  team: maybeText,
  name: text,
  version: count,
  media_type: text,
  size: count,
  sha256: text,
  metadata: object,
  status: word,
  path: text,
  created_by: maybeText,
  created_at: text,
});
export const artifactRows = list(artifactRow);
export const removedRow = row<{ removed: number; paths: string[] }>({
  removed: count,
  paths: texts,
});
export { texts as pathList };
