import type { Logger } from "./log.ts";

/**
 * Matches keys and secrets by their prefix, and tokens by the beginning of a JSON header in base64.
 */
const secret = /\b(mf[kri]_|sb_secret_)[\w-]{8,}|\beyJ[\w-]+\.[\w-]+\.[\w-]*/g;

const masked = (text: string) =>
  text.replace(secret, (_found, prefix: string | undefined) => `${prefix ?? "token "}…`);

/** A log without secrets, even if somebody has put one into an address or a message. */
export function maskSecrets(log: Logger): Logger {
  const through = (level: keyof Logger): Logger[typeof level] => {
    return (message, fields) =>
      log[level](
        masked(message),
        fields && (JSON.parse(masked(JSON.stringify(fields))) as Record<string, unknown>),
      );
  };
  return {
    debug: through("debug"),
    info: through("info"),
    warn: through("warn"),
    error: through("error"),
  };
}
