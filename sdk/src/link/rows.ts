/** `snake_case` as `camelCase`. */
export type Camel<Key extends string> = Key extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Key;

/** What `fromRow` makes of a row: keys in camelCase, instants (`…_at`) as Date. */
export type FromRow<Row> = {
  [Key in keyof Row as Camel<Key & string>]: Key extends `${string}_at`
    ? null extends Row[Key]
      ? Date | null
      : Date
    : Row[Key];
};

/** A row as it is shown: its own keys in camelCase, its instants as Date; what is inside is left. */
export function fromRow<Row extends object>(row: Row): FromRow<Row> {
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [
      key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      key.endsWith("_at") && typeof value === "string" ? new Date(value) : value,
    ]),
  ) as FromRow<Row>;
}
