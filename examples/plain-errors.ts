/**
 * Ends an example with one line that says what is wrong, if nobody catches an error of Mayfly or of the
 * example itself. Faults of a program keep their stack.
 */
import process from "node:process";
import { isMayflyError } from "@mayfly/sdk";

process.on("uncaughtException", (error: Error) => {
  const isPlain = isMayflyError(error) || error.constructor === Error;
  console.error(isPlain ? lineOf(error) : error);
  process.exit(1);
});

const lineOf = (error: Error & { hint?: string | null }) =>
  [error.message, error.hint].filter(Boolean).join(" ");
