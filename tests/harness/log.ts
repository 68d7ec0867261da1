import type { Logger } from "../../local/src/log.ts";

/** Logs nothing. Tests that need a line look for it themselves. */
export const silent: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};
