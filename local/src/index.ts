export { createConsoleLog, type LogOptions } from "./console-log.ts";
export type { Logger } from "./log.ts";
export type { Local, LocalOptions } from "./options.ts";
export { findProject } from "./project.ts";
export { findRunning, type Running } from "./running.ts";
export { type BesideResult, type ServeOptions, serve } from "./serve.ts";
export { startLocal } from "./start.ts";
