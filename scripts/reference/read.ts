// Reads the output of TypeDoc: docstrings as Markdown, signatures as TypeScript.
import {
  type Comment,
  type DeclarationReflection,
  ReflectionKind,
  type SignatureReflection,
  type SomeType,
} from "typedoc";

/** A method, or a property that is a function. */
export const signaturesOf = (one: DeclarationReflection): SignatureReflection[] =>
  one.signatures ??
  (one.type?.type === "reflection" ? (one.type.declaration.signatures ?? []) : []);

const isMethod = (one: DeclarationReflection) =>
  one.kind === ReflectionKind.Method || one.kind === ReflectionKind.Constructor;

/** Whether an export has methods. If so, it gets its own page. */
export const hasMethods = (one: DeclarationReflection): boolean =>
  (one.kind === ReflectionKind.Class || one.kind === ReflectionKind.Interface) &&
  (one.children ?? []).some(isMethod);

/** Where the docstring is: at a method's signature, or at an accessor's getter. */
export const commentOf = (one: DeclarationReflection): Comment | undefined =>
  one.comment ?? one.signatures?.[0]?.comment ?? one.getSignature?.comment ?? inner(one);

const inner = (one: DeclarationReflection) =>
  one.type?.type === "reflection"
    ? (one.type.declaration.comment ?? one.type.declaration.signatures?.[0]?.comment)
    : undefined;

type Parts = Comment["summary"];

export const markdownOf = (parts: Parts): string =>
  parts
    .map((part) => (part.kind === "inline-tag" ? `\`${part.text.trim()}\`` : part.text))
    .join("")
    .trim();

export const summaryOf = (one: DeclarationReflection): string =>
  markdownOf(commentOf(one)?.summary ?? []);

/** The first sentence or line of a text, on one line. */
export const firstSentence = (text: string): string => {
  const line = text.split("\n\n")[0]?.replaceAll("\n", " ") ?? "";
  return /^.*?[.!?](?=\s|$)/.exec(line)?.[0] ?? line;
};

/** Exports, methods and accessors without a summary. */
export function undocumented(exported: DeclarationReflection[]): string[] {
  const missing: string[] = [];
  for (const one of exported) {
    if (!summaryOf(one)) missing.push(one.name);
    for (const member of one.children ?? []) {
      const told = isMethod(member) || member.kind === ReflectionKind.Accessor;
      if (told && member.name !== "constructor" && !summaryOf(member))
        missing.push(`${one.name}.${member.name}`);
    }
  }
  return missing;
}

/**
 * The names of types that are made from a row of the database, by that `FromRow<…>` type. Their
 * docstrings have `@interface`, so TypeDoc shows their shape.
 */
const named = new Map<string, string>();
export const nameRows = (sources: string): void => {
  for (const [, name = "", row = ""] of sources.matchAll(/^export type (\w+) = (FromRow<\w+>);/gm))
    named.set(row, name);
};

/** A type as a person would write it. */
export const textOf = (type: SomeType | undefined): string =>
  String(type ?? "unknown").replace(/FromRow<\w+>/g, (row) => named.get(row) ?? row);

/** A signature as a person would write it, but without defaults, which declarations do not contain. */
export function signatureText(name: string, signature: SignatureReflection): string {
  const generics = signature.typeParameters?.map(({ name }) => name).join(", ");
  const parameters = (signature.parameters ?? []).map((parameter) => {
    const optional = parameter.flags.isOptional || parameter.defaultValue !== undefined;
    const rest = parameter.flags.isRest ? "..." : "";
    const name = parameter.name === "__namedParameters" ? "options" : parameter.name;
    return `${rest}${name}${optional ? "?" : ""}: ${textOf(parameter.type)}`;
  });
  const head = `${name}${generics ? `<${generics}>` : ""}`;
  const given =
    signature.kind === ReflectionKind.ConstructorSignature ? "" : `: ${textOf(signature.type)}`;
  const line = `${head}(${parameters.join(", ")})${given}`;
  if (line.length <= 96) return line;
  return `${head}(\n${parameters.map((parameter) => `  ${parameter},\n`).join("")})${given}`;
}

/** The names of all types in a type. */
export function namesIn(type: SomeType | undefined, found = new Set<string>()): Set<string> {
  for (const [, name = ""] of textOf(type).matchAll(/\b([A-Z]\w+)\b/g)) found.add(name);
  return found;
}
