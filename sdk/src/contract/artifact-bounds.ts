/** How large a job's result may be in its row. A larger one is stored as an artifact. */
export const maxResultBytes = 262_144;

/** The media type of results that are stored as artifacts. */
export const resultType = "application/json";
