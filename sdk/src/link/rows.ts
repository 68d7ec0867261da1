/** Converts `snake_case` to `camelCase`. */
export type Camel<Key extends string> = Key extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Key;

/** The type that `fromRow` returns: keys in camelCase, instants (`…_at`) as Date. */
export type FromRow<Row> = {
  [Key in keyof Row as Camel<Key & string>]: Key extends `${string}_at`
    ? null extends Row[Key]
      ? Date | null
      : Date
    : Row[Key];
};

/** Leaves out undefined values, because SQL has defaults for them. */
export const present = (object: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

/** Converts a row: its own keys to camelCase, its instants to Date. Nested values stay as they are. */
export function fromRow<Row extends object>(row: Row): FromRow<Row> {
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [
      key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      key.endsWith("_at") && typeof value === "string" ? new Date(value) : value,
    ]),
  ) as FromRow<Row>;
}
