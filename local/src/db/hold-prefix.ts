/** The prefix of the names of held transactions (holds.ts). Clients may not use such a name. */
export const holdPrefix = "mayfly_hold_";
