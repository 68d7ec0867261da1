export { createConsoleLog, type LogOptions } from "./console-log.ts";
export type { Logger } from "./log.ts";
export { findRunning, type Running } from "./running.ts";
export { type Local, type LocalOptions, startLocal } from "./start.ts";
