/** Reads every line that an embedded Supabase logs in a test, and remembers the lines that contain a secret. */
import type { ProjectKeys } from "../../local/src/keys.ts";
import type { Logger } from "../../local/src/log.ts";

const shapes = /\b(mf[kri]_|sb_secret_)[\w-]{8,}|\beyJ[\w-]+\.eyJ[\w-]+\.[\w-]{20,}/;

export function watchForSecrets(
  log: Logger,
  keys: ProjectKeys,
): { log: Logger; check: () => void } {
  const leaks: string[] = [];
  const words = [keys.jwtSecret, keys.databasePassword, ...keys.signingKeys.map(({ d }) => `${d}`)];
  const through = (level: keyof Logger): Logger[typeof level] => {
    return (message, fields) => {
      const line = `${level} ${message} ${JSON.stringify(fields ?? {})}`;
      if (shapes.test(line) || words.some((word) => line.includes(word))) leaks.push(line);
      log[level](message, fields);
    };
  };
  return {
    log: {
      debug: through("debug"),
      info: through("info"),
      warn: through("warn"),
      error: through("error"),
    },
    check() {
      if (leaks.length > 0) throw new Error(`Secrets were logged:\n${leaks.join("\n")}`);
    },
  };
}
