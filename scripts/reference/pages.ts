// The reference as Markdown.
import { type DeclarationReflection, ReflectionKind, type SignatureReflection } from "typedoc";
import {
  commentOf,
  firstSentence,
  hasMethods,
  markdownOf,
  namesIn,
  signaturesOf,
  signatureText,
  summaryOf,
  textOf,
} from "./read.ts";

/** Where a type is, relative to a page of the reference. Undefined if it is not exported. */
export type Linker = (name: string) => string | undefined;

export const fileOf = (name: string): string =>
  `${name.replace(/(?<=[a-z])(?=[A-Z])/g, "-").toLowerCase()}.md`;

const code = (text: string) => `\`\`\`ts\n${text}\n\`\`\`\n`;
/** Escapes a text for a table cell. */
const cell = (text: string) => text.replaceAll("\n", " ").replaceAll("|", "\\|");
const heading = (depth: number, text: string) => `${"#".repeat(depth)} ${text}\n\n`;

export function indexOf(exported: DeclarationReflection[], link: Linker): string {
  const table = (rows: DeclarationReflection[]) =>
    `| | |\n| --- | --- |\n${rows
      .map((one) => `| [${one.name}](${link(one.name)}) | ${cell(firstSentence(summaryOf(one)))} |`)
      .join("\n")}\n`;
  const paged = exported.filter(hasMethods);
  const first = ["Mayfly", "Agent", "MayflyError"];
  const start = first.flatMap((name) => exported.filter((one) => one.name === name));
  const parts = paged.filter(({ name }) => !first.includes(name));
  const types = exported.filter((one) => !paged.includes(one) && !first.includes(one.name));
  return [
    "# API reference of @mayfly/sdk",
    "What the package exports, from its docstrings. Calls that can fail return a [Result](types.md#result): `{ data, error }`. If `error` is null, the call has succeeded. [Errors](../errors.md) explains every `code`. [Getting started](../getting-started.md) and [concepts](../concepts.md) explain how things belong together.",
    "## Where to begin",
    table(start),
    "## What they have",
    table(parts),
    "## Types and values",
    table(types),
  ].join("\n\n");
}

export function typesPage(types: DeclarationReflection[], link: Linker): string {
  const entries = types.map((one) => heading(2, one.name) + bodyOf(one, 3, link));
  return `# Types and values\n\nThe types that calls of the SDK accept and return. [All of the reference](README.md)\n\n${entries.join("\n")}`;
}

/** Everything about an export except its heading. */
export function bodyOf(one: DeclarationReflection, depth: number, link: Linker): string {
  const parts = [describe(one)];
  const signatures = one.kind === ReflectionKind.Class ? [] : signaturesOf(one);
  if (signatures.length > 0)
    parts.push(...signatures.map((each) => signature(one.name, each, link)));
  else if (one.kind === ReflectionKind.Variable && !shapeOf(one))
    parts.push(
      code(`const ${one.name}: ${textOf(one.type)}`),
      mentions(namesIn(one.type), link, one.name),
    );
  else if (one.kind === ReflectionKind.TypeAlias && !shapeOf(one))
    parts.push(
      code(`type ${one.name}${generics(one)} = ${textOf(one.type)}`),
      mentions(namesIn(one.type), link, one.name),
    );
  const members = shapeOf(one) ?? [];
  const [properties, methods] = [
    members.filter(isProperty),
    members.filter((each) => !isProperty(each)),
  ];
  parts.push(propertyTable(properties, depth, methods.length > 0, link));
  for (const method of methods) parts.push(methodSection(one, method, depth, link));
  return parts.filter(Boolean).join("\n");
}

const shapeOf = (one: DeclarationReflection): DeclarationReflection[] | undefined =>
  one.children ?? (one.type?.type === "reflection" ? one.type.declaration.children : undefined);

const isProperty = (one: DeclarationReflection) => signaturesOf(one).length === 0;

const generics = (one: DeclarationReflection) =>
  one.typeParameters ? `<${one.typeParameters.map(({ name }) => name).join(", ")}>` : "";

function methodSection(
  owner: DeclarationReflection,
  method: DeclarationReflection,
  depth: number,
  link: Linker,
): string {
  const isNew = method.kind === ReflectionKind.Constructor;
  if (isNew && owner.name !== "Mayfly") return ""; // Other classes are created by the SDK.
  const name = isNew ? `new ${owner.name}` : method.name;
  const all = signaturesOf(method);
  return [
    heading(depth, isNew ? name : `${name}()`),
    describe(method),
    ...all.map((each) => signature(name, each, link)),
    details(method),
  ].join("");
}

/** The signature, and links to its types. */
function signature(name: string, one: SignatureReflection, link: Linker): string {
  const names = namesIn(one.type);
  for (const { type } of one.parameters ?? []) namesIn(type, names);
  const told = (one.parameters ?? []).flatMap(({ name, comment }) => {
    const text = markdownOf(comment?.summary ?? []);
    return text ? [`- \`${name}\`: ${text.replaceAll("\n", " ")}\n`] : [];
  });
  const listed = told.length > 0 ? `\n${told.join("")}` : "";
  return `${code(signatureText(name, one))}${listed}\n${mentions(names, link, name)}`;
}

function mentions(names: Set<string>, link: Linker, own: string): string {
  const known = [...names].filter((name) => name !== own && name !== "Result" && link(name));
  if (known.length === 0) return "";
  return `${known.map((name) => `[${name}](${link(name)})`).join(" · ")}\n\n`;
}

/** The description from its docstring. */
const describe = (one: DeclarationReflection) => {
  const text = summaryOf(one);
  const examples = isProperty(one) || one.kind === ReflectionKind.Class ? details(one) : "";
  return text ? `${text}\n\n${examples}` : "";
};

/** The results, errors and examples of a method. */
function details(one: DeclarationReflection): string {
  const tags = commentOf(one)?.blockTags ?? [];
  return tags
    .map(({ tag, content }) => {
      const text = markdownOf(content);
      if (tag === "@returns") return `${isListOfCodes(text) ? "Errors" : "Gives"}: ${text}\n\n`;
      if (tag === "@throws") return `Throws: ${text}\n\n`;
      if (tag === "@example") return `${text.startsWith("```") ? text : code(text)}\n\n`;
      return "";
    })
    .join("");
}

/** In this SDK, a result includes its errors: `{ data, error }`. */
const isListOfCodes = (text: string) => text.startsWith("`");

function propertyTable(
  properties: DeclarationReflection[],
  depth: number,
  titled: boolean,
  link: Linker,
): string {
  if (properties.length === 0) return "";
  const rows = properties.map((one) => {
    const type = one.type ?? one.getSignature?.type;
    const names = [...namesIn(type)].filter(link);
    const linked = names.map((name) => `[${name}](${link(name)})`).join(" · ");
    const text = [summaryOf(one), linked].filter(Boolean).join(" ");
    const name = `\`${one.name}${one.flags.isOptional ? "?" : ""}\``;
    // The types of zod's schemas are left out, because they do not help a reader.
    const shown = textOf(type).startsWith("Zod") ? "" : `\`${cell(textOf(type))}\``;
    return `| ${name} | ${shown} | ${cell(text)} |`;
  });
  const title = titled ? heading(depth, "Properties") : "";
  return `${title}| | | |\n| --- | --- | --- |\n${rows.join("\n")}\n`;
}
