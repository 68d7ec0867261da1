/**
 * The forms of what the server answers, beside those of what it is asked (`schemas.ts`). A proxy, a
 * captive portal or a firewall answers 200 too: nothing is done with an answer that has not its form.
 * A form says what the SDK relies on. What an answer has besides stays in it.
 */
import { z } from "zod";

/** The type of a row names its fields: tsc finds the one that is missing here. */
export type Fields<Row> = { [Name in keyof Row]-?: z.ZodType<Row[Name]> | z.ZodOptional };
export const row = <Row extends object>(fields: Fields<Row>) =>
  z.object(fields as z.ZodRawShape) as unknown as z.ZodType<Row>;

export const text = z.string();
export const count = z.number();
export const maybeText = text.nullable();
export const maybeCount = count.nullable();
export const texts = z.array(text);
export const flag = z.boolean();
/** A word of a list that a later release may lengthen. */
export const word = text as unknown as z.ZodType<never>;
export const object = z.custom<Record<string, unknown>>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
);
/** Of JSON; absent where the row has none. */
export const value = z.unknown();

export const list = <Row>(of: z.ZodType<Row>): z.ZodType<Row[]> => z.array(of);

/** What is left of calls whose answer is not handed on. */
export const ofMember = row<{ user_id: string }>({ user_id: text });
export const withId = row<{ id: string }>({ id: text });
export const deleted = row<{ deleted: boolean }>({ deleted: flag });
