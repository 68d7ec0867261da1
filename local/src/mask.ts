import type { Logger } from "./log.ts";

/** Keys and secrets by their prefix, and tokens by how a JSON header begins in base64. */
const secret = /\b(mf[kri]_|sb_secret_)[\w-]{8,}|\beyJ[\w-]+\.[\w-]+\.[\w-]*/g;

const masked = (text: string) =>
  text.replace(secret, (_found, prefix: string | undefined) => `${prefix ?? "token "}…`);

/** A log in which no secret stands, also where somebody has put one into an address or a message. */
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
