/**
 * Schemas of the server's answers. The schemas of requests are in `schemas.ts`. A proxy, a captive portal or a
 * firewall can also answer 200, so an answer is used only if it has the right form. A schema requires only what
 * the SDK relies on. Other fields of an answer are kept.
 */
import { z } from "zod";

/** One schema for each field of a row's type. tsc reports a field without one. */
export type Fields<Row> = { [Name in keyof Row]-?: z.ZodType<Row[Name]> | z.ZodOptional };
export const row = <Row extends object>(fields: Fields<Row>) =>
  z.object(fields as z.ZodRawShape) as unknown as z.ZodType<Row>;

export const text = z.string();
export const count = z.number();
export const maybeText = text.nullable();
export const maybeCount = count.nullable();
export const texts = z.array(text);
export const flag = z.boolean();
/** A word from a fixed list, to which a later release may add words. */
export const word = text as unknown as z.ZodType<never>;
export const object = z.custom<Record<string, unknown>>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
);
/** Any JSON. Absent if the row has none. */
export const value = z.unknown();

export const list = <Row>(of: z.ZodType<Row>): z.ZodType<Row[]> => z.array(of);

/** The answer to a change of a member. The SDK only checks it, and does not return it. */
export const ofMember = row<{ user_id: string }>({ user_id: text });
export const withId = row<{ id: string }>({ id: text });
export const deleted = row<{ deleted: boolean }>({ deleted: flag });
