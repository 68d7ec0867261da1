/** How many checkpoints a page may have, and how many may be kept when a thread is pruned. */
export const threadBounds = { page: { least: 1, most: 100 }, keep: { least: 1, most: 10_000 } };
