import { Node, type Project, type SourceFile, SyntaxKind, type Type } from "ts-morph";
import { type Owner, renames } from "./renames.ts";

/** A replacement of text, by its offsets. */
interface Edit {
  start: number;
  end: number;
  text: string;
}

/** What the codemod cannot change. */
export interface ByHand {
  line: number;
  what: string;
}

export interface Rewritten {
  text: string;
  edits: number;
  byHand: ByHand[];
}

const owners = Object.keys(renames) as Owner[];

/**
 * Rewrites TypeScript or JavaScript. It recognises members in code by the type of their object, and members in
 * comments by the name of their object.
 */
export function rewriteCode(project: Project, path: string, text: string): Rewritten {
  const file = project.createSourceFile(path, text, { overwrite: true });
  const byHand: ByHand[] = [];
  const edits = [...membersOf(file), ...destructuringsOf(file, byHand), ...commentsOf(file)];
  return { ...apply(text, edits), byHand };
}

/** Rewrites the code blocks of a Markdown page as one program, and the names that its prose mentions. */
export function rewriteMarkdown(project: Project, path: string, text: string): Rewritten {
  const blocks = [
    ...text.matchAll(/^```(?:ts|typescript|js|javascript|tsx|jsx)\b.*\n([\s\S]*?)^```/gm),
  ];
  let code = text.replace(/[^\n]/g, " ");
  for (const block of blocks) {
    const body = block[1] ?? "";
    const start = block.index + block[0].indexOf("\n") + 1;
    code = code.slice(0, start) + body + code.slice(start + body.length);
  }
  const file = project.createSourceFile(`${path}.codemod.ts`, code, { overwrite: true });
  const byHand: ByHand[] = [];
  const inCode = [...membersOf(file), ...destructuringsOf(file, byHand), ...commentsOf(file)];
  file.forget();
  const inProse = [...text.matchAll(/`([^`\n]+)`/g)].flatMap((match) =>
    code.slice(match.index, match.index + 2).trim() === ""
      ? mentionsIn(match[1] ?? "", match.index + 1)
      : [],
  );
  return { ...apply(text, [...inCode, ...inProse]), byHand };
}

function membersOf(file: SourceFile): Edit[] {
  return file.getDescendantsOfKind(SyntaxKind.PropertyAccessExpression).flatMap((access) => {
    const name = access.getNameNode();
    const moved = movedOf(access.getExpression(), name.getText());
    return moved ? [{ start: name.getStart(), end: name.getEnd(), text: moved }] : [];
  });
}

/**
 * Reports members that are destructured, such as `const { unsynced } = agent`. The new member can be two steps
 * away, so a person must rewrite it.
 */
function destructuringsOf(file: SourceFile, byHand: ByHand[]): Edit[] {
  return file.getDescendantsOfKind(SyntaxKind.ObjectBindingPattern).flatMap((pattern) => {
    const declaration = pattern.getParent();
    if (!Node.isVariableDeclaration(declaration)) return [];
    const from = declaration.getInitializer();
    if (!from) return [];
    for (const element of pattern.getElements()) {
      const name = element.getPropertyNameNode()?.getText() ?? element.getName();
      const moved = movedOf(from, name);
      if (moved)
        byHand.push({
          line: element.getStartLineNumber(),
          what: `${name} is destructured from ${from.getText()}. It is ${moved} now`,
        });
    }
    return [];
  });
}

/** The new place of a member of this value. Undefined if the member has not moved. */
function movedOf(value: Node, member: string): string | undefined {
  if (!owners.some((owner) => Object.hasOwn(renames[owner], member))) return undefined;
  const owner = ownerOf(value.getType()) ?? ownerByName(value);
  const moved = owner && Object.hasOwn(renames[owner], member) ? renames[owner][member] : undefined;
  return moved;
}

function ownerOf(type: Type): Owner | undefined {
  const parts = type.isUnion() ? type.getUnionTypes() : [type];
  for (const part of parts) {
    const symbol = part.getSymbol();
    const owner = owners.find((name) => name === symbol?.getName());
    const declared = symbol?.getDeclarations()[0]?.getSourceFile().getFilePath() ?? "";
    if (owner && /mayfly|\/sdk\//.test(declared)) return owner;
  }
  return undefined;
}

/** If the types are unknown (JavaScript, or an SDK that is not installed), uses the variable's name. */
function ownerByName(value: Node): Owner | undefined {
  if (!value.getType().isAny()) return undefined;
  const name = /(\w+)[?!]*$/.exec(value.getText())?.[1] ?? "";
  if (/mayfly$/i.test(name)) return "Mayfly";
  if (name === "conflicts") return "Conflicts";
  return /agent$/i.test(name) ? "Agent" : undefined;
}

function commentsOf(file: SourceFile): Edit[] {
  const text = file.getFullText();
  const comments = text.matchAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm);
  return [...comments].flatMap((match) => mentionsIn(match[0], match.index));
}

/** Finds members as people write them in prose, such as `agent.unsynced` and `mayfly.drain()`. */
function mentionsIn(text: string, offset: number): Edit[] {
  return [...text.matchAll(/\b(agent|mayfly)\.(\w+)(?![\w.]*@)/g)].flatMap((match) => {
    const [, of = "", member = ""] = match;
    const owner = of === "agent" ? "Agent" : "Mayfly";
    if (!Object.hasOwn(renames[owner], member)) return [];
    const moved = renames[owner][member] ?? member;
    const after = text.slice(match.index + match[0].length);
    // Part of a new name can be an old name: `mayfly.conflicts` is now `mayfly.memory.conflicts`.
    if (moved.startsWith(`${member}.`) && after.startsWith(`.${moved.slice(member.length + 1)}`))
      return [];
    const start = offset + match.index + of.length + 1;
    return [{ start, end: start + member.length, text: moved }];
  });
}

/** Changes each place only once, because code blocks are also part of the prose. */
function apply(text: string, edits: Edit[]): { text: string; edits: number } {
  const ordered = [...new Map(edits.map((edit) => [edit.start, edit])).values()].sort(
    (a, b) => b.start - a.start,
  );
  let result = text;
  for (const { start, end, text: moved } of ordered)
    result = result.slice(0, start) + moved + result.slice(end);
  return { text: result, edits: ordered.length };
}
