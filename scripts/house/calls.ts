/** A rule of the SDK: every call over the network goes through the caller's link. */
import { parseSync } from "vite";
import type { Fault } from "./faults.ts";
import type { SourceFile } from "./tree.ts";

interface Node {
  type: string;
  [property: string]: unknown;
}

/**
 * The calls that do not go through the link, as the code writes them: `this.#client.rpc`, `fetch`,
 * `new WebSocket`.
 */
export function callFaults(tree: SourceFile[]): Fault[] {
  return tree.flatMap(({ file, text }) => {
    if (!/^sdk\/src\/(?!link\/).*\.ts$/.test(file)) return [];
    // Parsing takes longer than everything else, so parse only files that may contain a call.
    if (!/\.rpc\b|\.invoke\b|\bfetch\b|WebSocket|XMLHttpRequest/.test(text)) return [];
    const calls = new Set(callsIn(parseSync(file, text).program).filter(passesTheLink));
    return [...calls].map((call) => ({
      name: `${file} → ${call}`,
      sentence: `${file} calls ${call}: every call goes through link.rpc or link.fn, which sdk/src/link holds.`,
    }));
  });
}

const passesTheLink = (call: string) =>
  /^(new )?(globalThis\.)?(fetch|WebSocket|XMLHttpRequest)$/.test(call) ||
  /\.functions\.invoke$/.test(call) ||
  (/\.rpc$/.test(call) && !/(^|\.)#?link\.rpc$/.test(call));

/** The called expression, as text. */
function callsIn(node: unknown): string[] {
  if (typeof node !== "object" || node === null) return [];
  const { type, callee } = node as Node;
  const called = textOf(callee);
  const own =
    type === "CallExpression" ? [called] : type === "NewExpression" ? [`new ${called}`] : [];
  return [...own, ...Object.values(node).flatMap(callsIn)];
}

/** An expression as a chain of names, with an ellipsis in place of each computed part. */
function textOf(node: unknown): string {
  const { type, name, object, property, expression } = (node ?? {}) as Node;
  switch (type) {
    case "Identifier":
      return String(name);
    case "PrivateIdentifier":
      return `#${name}`;
    case "ThisExpression":
      return "this";
    case "MemberExpression":
      return `${textOf(object)}.${textOf(property)}`;
    case "ChainExpression":
    case "TSNonNullExpression":
    case "ParenthesizedExpression":
      return textOf(expression);
    default:
      return "…";
  }
}
