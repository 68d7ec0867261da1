import type { Logger } from "../../local/src/log.ts";

/** Says nothing: what a test needs to know, it asks. */
export const silent: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};
