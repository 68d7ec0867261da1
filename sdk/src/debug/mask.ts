/** Your own rules for what must not leave the process, in addition to the built-in ones. */
export interface MaskRules {
  /** Values of keys that match are masked completely, at any depth. */
  keys?: RegExp[];
  /** Parts of a text that match are masked. */
  values?: RegExp[];
}

export const masked = "[masked]";

/** The keys whose values are secret. The key is turned into snake_case first, and only whole words count. */
const secretKeys =
  /(^|_)(pass(word|wd|phrase|code)?|pwd|(client|shared|webhook)?secrets?|(access|api|auth|id|refresh|session)?tokens?|api_?keys?|access_?key|signing_?key|private_?key|encryption_?key|authorization|auth|cookies?|credentials?|bearer|dsn|jwt|otp|pin|connection_string|database_url)($|_)/;
/** The keys for which numbers are secret too. With any other key, a number is a count, as in `max_tokens`. */
const secretNumbers = /(^|_)(pass(word|wd|phrase|code)?|pwd|secrets?|otp|pin)($|_)/;

/** The private parts of a JWK, the form in which signing keys are stored. */
const jwkParts = /^(d|k|p|q|dp|dq|qi)$/;
const jwkPart = /^[\w-]{40,}$/;

/**
 * Each pair has a pattern that finds a secret in a text, and the text that takes the secret's place. No
 * pattern backtracks over more than a line.
 */
const secretValues: [RegExp, string][] = [
  [
    /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/g,
    masked,
  ],
  [/(["'](?:d|k|p|q|dp|dq|qi)["']\s{0,3}:\s{0,3}["'])[\w-]{40,}/g, `$1${masked}`],
  [/\beyJ[\w-]{6,}\.[\w-]{4,}(\.[\w-]*){0,3}/g, masked],
  [/\b(Bearer|Basic|Digest|Token)\s+[\w.~+/=-]{8,}/gi, `$1 ${masked}`],
  [/\b(sk|rk)[-_][\w-]{12,}/g, masked],
  [/\bmf[a-z]_[\w-]{8,}/g, masked],
  [/\bsb_secret_[\w-]{8,}/g, masked],
  [/\b(gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|npm_|hf_|AIza)[\w-]{12,}/g, masked],
  [/\b(AKIA|ASIA)[A-Z0-9]{12,}/g, masked],
  // A password may contain an @, so the pattern goes on to the last @ of the address.
  [/\b([a-z][a-z0-9+.-]{0,30}:\/\/[^\s:/@]{0,200}):[^\s/]{1,500}@/gi, `$1:${masked}@`],
  [
    /([?&#](?:\w{0,30}[_-])?(?:token|key|apikey|secret|password|sig|signature|code)=)[^&\s#"']{1,2000}/gi,
    `$1${masked}`,
  ],
  [
    /\b((?:\w{0,30}[_-])?(?:password|passwd|passphrase|secret|api[_-]?key|authorization|cookie|token))(["']?\s{0,3}[=:]\s{0,3})("[^"\n]{0,2000}"|'[^'\n]{0,2000}'|[^\s,;}"']{1,2000}(?:\s\[masked\])?)/gi,
    `$1$2${masked}`,
  ],
];

/** The limits of one record. What exceeds them is left out, and the record says so. */
const maxDepth = 8;
const maxNodes = 2_000;
const maxItems = 100;
const maxText = 8_000;

const leftOut = "[left out]";

/**
 * Makes a plain JSON copy, limited in size and without secrets. If a value cannot be read, the copy
 * says so. This never throws.
 */
export class Masker {
  readonly #keys: RegExp[];
  readonly #values: RegExp[];
  #nodes = 0;

  constructor(rules: MaskRules = {}) {
    this.#keys = (rules.keys ?? []).map(withoutState);
    this.#values = (rules.values ?? []).map((rule) => new RegExp(rule.source, flagsOf(rule, "g")));
  }

  copy(data: unknown): unknown {
    this.#nodes = 0;
    return this.#copy(data, 0);
  }

  text(text: string): string {
    // A secret that is cut off would not be recognised, so mask before cutting. To stay fast, mask at most
    // four times the length that is kept.
    let result = text.length > 4 * maxText ? text.slice(0, 4 * maxText) : text;
    for (const [secret, rest] of secretValues) result = result.replace(secret, rest);
    for (const secret of this.#values) result = result.replace(secret, masked);
    return result.length > maxText || text.length > 4 * maxText
      ? `${result.slice(0, maxText).toWellFormed()}… (${text.length} characters)`
      : result.toWellFormed().replaceAll("\0", "");
  }

  #copy(value: unknown, depth: number): unknown {
    if (++this.#nodes > maxNodes) return leftOut;
    switch (typeof value) {
      case "string":
        return this.text(value);
      case "number":
        return Number.isFinite(value) ? value : String(value);
      case "boolean":
        return value;
      case "bigint":
        return value.toString();
      case "object":
        return value === null ? null : this.#copyObject(value, depth);
      default:
        return undefined;
    }
  }

  #copyObject(value: object, depth: number): unknown {
    try {
      if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
      if (value instanceof URL || value instanceof RegExp) return this.text(String(value));
      if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer)
        return `[${value.byteLength} bytes]`;
      if (depth >= maxDepth) return leftOut;
      if (value instanceof Error) return this.#copyError(value, depth);
      if (value instanceof Map) return this.#copyEntries(value, depth);
      if (Array.isArray(value)) return this.#copyList(value, depth);
      if (value instanceof Set) return this.#copyList([...value], depth);
      const json = (value as { toJSON?: unknown }).toJSON;
      if (typeof json === "function") return this.#copy(json.call(value), depth + 1);
      return this.#copyEntries(Object.entries(value), depth);
    } catch {
      return "[could not be read]";
    }
  }

  #copyList(list: unknown[], depth: number): unknown[] {
    const items = list.slice(0, maxItems).map((item) => this.#copy(item, depth + 1) ?? null);
    if (list.length > maxItems) items.push(`… (${list.length} items)`);
    return items;
  }

  #copyError(error: Error, depth: number): unknown {
    const { name, message, stack, cause } = error;
    const more = cause === undefined ? {} : { cause: this.#copy(cause, depth + 1) };
    const own = this.#copyEntries(Object.entries(error), depth);
    return {
      ...own,
      name,
      message: this.text(String(message)),
      ...(stack && { stack: this.text(stack) }),
      ...more,
    };
  }

  #copyEntries(entries: Iterable<[unknown, unknown]>, depth: number): Record<string, unknown> {
    const copy: Record<string, unknown> = {};
    let count = 0;
    for (const [key, value] of entries) {
      if (++count > maxItems) {
        copy["…"] = leftOut;
        break;
      }
      const name = String(key).slice(0, 200);
      const copied = this.#isSecret(name, value) ? masked : this.#copy(value, depth + 1);
      if (copied !== undefined)
        Object.defineProperty(copy, this.text(name), {
          value: copied,
          enumerable: true,
          configurable: true,
          writable: true,
        });
    }
    return copy;
  }

  #isSecret(key: string, value: unknown): boolean {
    if (value === undefined || value === null || typeof value === "function") return false;
    if (this.#keys.some((rule) => rule.test(key))) return true;
    const words = key
      .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
      .replace(/[^A-Za-z0-9]+/g, "_")
      .toLowerCase();
    if (typeof value === "string" && jwkParts.test(key) && jwkPart.test(value)) return true;
    const countable = typeof value === "number" || typeof value === "boolean";
    return (countable ? secretNumbers : secretKeys).test(words);
  }
}

/** Removes the flags `g` and `y`, with which `test` would continue where the last `test` stopped. */
const withoutState = (rule: RegExp) => new RegExp(rule.source, rule.flags.replace(/[gy]/g, ""));

const flagsOf = (rule: RegExp, more: string) => [...new Set([...rule.flags, ...more])].join("");
