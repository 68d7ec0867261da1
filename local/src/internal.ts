/**
 * A door for the tests of this repository: parts of the embedded Supabase by themselves. What is here
 * may change in any release.
 */
export { bootstrap } from "./bootstrap.ts";
export { type Database, openPglite } from "./db/index.ts";
export { generateKeys, generateSigningKey, type SigningKey } from "./keys.ts";
export { applyMigrations } from "./migrations.ts";
export type { RealtimeFaults } from "./realtime/index.ts";
export { createTokens, type Tokens } from "./tokens.ts";
