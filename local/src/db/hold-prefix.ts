/** How the names of held transactions begin (holds.ts): no client may give such a name. */
export const holdPrefix = "mayfly_hold_";
