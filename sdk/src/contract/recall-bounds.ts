/** Limits of questions about many memories. */
export const recallBounds = {
  clusters: { least: 2, most: 50 },
  recommendations: { least: 1, most: 20 },
};
