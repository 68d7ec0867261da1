export type { Database, Passwords, PgliteOptions, PostgresOptions, User } from "./database.ts";
export { USERS } from "./database.ts";
export { keepFlushing } from "./flusher.ts";
export { openPglite } from "./pglite.ts";
export { openPostgres } from "./postgres.ts";
export { keepStatistics } from "./statistics.ts";
