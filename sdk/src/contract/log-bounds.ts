/** What a watch of the log may ask for. */
export const logBounds = {
  followMs: { least: 50 },
};
