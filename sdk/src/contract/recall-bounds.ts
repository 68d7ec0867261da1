/** What questions about many memories may ask for. */
export const recallBounds = {
  clusters: { least: 2, most: 50 },
  recommendations: { least: 1, most: 20 },
};
