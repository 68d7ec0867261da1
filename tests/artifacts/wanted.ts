/** What the functions of the room need besides, when values are tried on them. */
export const wantedOfArtifacts: Record<string, unknown> = {
  "begin_artifact.media_type": "text/plain",
  "begin_artifact.size": 1,
  "begin_artifact.sha256": "0".repeat(64),
  "begin_artifact.metadata": {},
};
