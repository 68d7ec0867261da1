/** What of a job's result stays in its row; a larger one is stored as an artifact. */
export const maxResultBytes = 262_144;

/** The media type of results that are stored as artifacts. */
export const resultType = "application/json";
