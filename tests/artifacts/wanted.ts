/**
 * Valid arguments for the functions of this room. Tests try all kinds of values in one argument, and use these
 * values in the others.
 */
export const wantedOfArtifacts: Record<string, unknown> = {
  "begin_artifact.media_type": "text/plain",
  "begin_artifact.size": 1,
  "begin_artifact.sha256": "0".repeat(64),
  "begin_artifact.metadata": {},
};
