import { type Attributes, attributeText } from "@mayfly/sdk";
import type { Command } from "commander";
import { printable } from "./format-values.ts";

/** The option `--where` of commands that list work. */
export interface WhereOption {
  where: string[];
}

const several = (value: string, before: string[]) => [...before, value];

/** Adds `--where` to a command. */
export const withWhere = (command: Command): Command =>
  command.option(
    "--where <name:value>",
    "only with this attribute, such as customer:acme; can be repeated",
    several,
    [],
  );

/** What `--where` asks for, in the form that the SDK expects. */
export const whereOf = ({ where }: WhereOption) =>
  where.length > 0 ? { where: where.join(" ") } : {};

/** `customer:acme orders:3`, as a search finds them, in the order of their names. */
export const attributesLine = (of: Attributes = {}): string =>
  Object.entries(of)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => printable(attributeText(name, value)))
    .join(" ");
