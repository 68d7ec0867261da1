/**
 * An entry point for the tests of this repository, with single parts of the embedded Supabase. It
 * may change in any release.
 */
export { bootstrap } from "./bootstrap.ts";
export { type Database, openPglite } from "./db/index.ts";
export { generateKeys, generateSigningKey, type SigningKey } from "./keys.ts";
export { applyMigrations, statementsOf } from "./migrations.ts";
export type { RealtimeFaults } from "./realtime/index.ts";
export { createTokens, type Tokens } from "./tokens.ts";
