import { apiError } from "./errors.ts";

/** Reads the header `Prefer` like PostgREST: the first known value of each preference counts. */
export interface Preferences {
  resolution?: "merge-duplicates" | "ignore-duplicates";
  missing?: "default" | "null";
  return?: "representation" | "headers-only" | "minimal";
  count?: "exact" | "planned" | "estimated";
  tx?: "commit" | "rollback";
  handling?: "strict" | "lenient";
  timezone?: string;
  maxAffected?: number;
  /** Preferences that PostgREST does not know. */
  readonly invalid: string[];
}

const values = {
  resolution: ["merge-duplicates", "ignore-duplicates"],
  missing: ["default", "null"],
  return: ["representation", "headers-only", "minimal"],
  count: ["exact", "planned", "estimated"],
  tx: ["commit", "rollback"],
  handling: ["strict", "lenient"],
} as const;

/** How the transactions of requests end: `pgrst.db_tx_end` of `authenticator`. */
export type TxEnd = "commit" | "commit-allow-override" | "rollback" | "rollback-allow-override";

export function preferencesOf(headers: Headers, txEnd: TxEnd): Preferences {
  const asked: Record<string, unknown> = {};
  const invalid: string[] = [];
  const tokens = (headers.get("prefer") ?? "").split(",").map((each) => each.trim());
  for (const token of tokens.filter((each) => each !== "")) {
    const [name = "", value = ""] = token.split(/=(.*)/s, 2);
    if (name === "timezone") asked.timezone ??= value;
    else if (name === "max-affected") {
      if (/^-?\d+$/.test(value)) asked.maxAffected ??= Number(value);
    } else if (name in values && values[name as keyof typeof values].includes(value as never))
      asked[name] ??= value;
    else invalid.push(token);
  }
  // A value that the project does not allow is not an error, and has no effect.
  if (!txEnd.endsWith("-allow-override")) delete asked.tx;
  return { ...asked, invalid };
}

/** The refusal of preferences that `handling=strict` does not allow. */
export function refusedPreferences({ handling, invalid }: Preferences): Response | undefined {
  if (handling !== "strict" || invalid.length === 0) return undefined;
  return apiError(400, {
    code: "PGRST122",
    message: "Invalid preferences given with handling=strict",
    details: `Invalid preferences: ${invalid.join(", ")}`,
  });
}

/** Whether to commit the transaction if the request succeeds. */
export function commits({ tx }: Preferences, txEnd: TxEnd): boolean {
  return tx === undefined ? txEnd.startsWith("commit") : tx === "commit";
}

/** The preferences of each kind of request, besides count, tx, handling and timezone, which all have. */
export const heeded = {
  read: [],
  call: ["maxAffected"],
  POST: ["resolution", "missing", "return"],
  PATCH: ["missing", "return", "maxAffected"],
  PUT: ["return"],
  DELETE: ["return", "maxAffected"],
} as const satisfies Record<string, readonly (keyof Preferences)[]>;

/** The header `Preference-Applied`. */
export function applied(
  preferences: Preferences,
  kind: keyof typeof heeded,
): { "preference-applied"?: string } {
  const own: readonly string[] = heeded[kind];
  const of = (name: keyof Preferences, as: string = name) => {
    const value = preferences[name];
    return value === undefined ? [] : [`${as}=${value}`];
  };
  const list = [
    ...(own.includes("resolution") ? of("resolution") : []),
    ...(own.includes("missing") ? of("missing") : []),
    ...(own.includes("return") ? of("return") : []),
    ...of("count"),
    ...of("tx"),
    ...of("handling"),
    ...of("timezone"),
    ...(own.includes("maxAffected") && preferences.handling === "strict"
      ? of("maxAffected", "max-affected")
      : []),
  ];
  return list.length === 0 ? {} : { "preference-applied": list.join(", ") };
}

/** The refusal of a request that changes or returns more rows than it may. */
export function tooManyAffected(preferences: Preferences, rows: number): Response | undefined {
  const { handling, maxAffected } = preferences;
  if (handling !== "strict" || maxAffected === undefined || rows <= maxAffected) return undefined;
  return apiError(400, {
    code: "PGRST124",
    message: "Query result exceeds max-affected preference constraint",
    details: `The query affects ${rows} rows`,
  });
}
