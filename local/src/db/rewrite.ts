import { type Inspection, inspect } from "./inspect.ts";
import { code, cstring, errorResponse, frames, message } from "./protocol.ts";
import type { Session } from "./session.ts";

/**
 * A piece of a client's stream that can be forwarded: complete messages up to a Sync, Query or
 * Flush.
 */
export interface Batch {
  bytes: Buffer;
  /** Whether the batch ends with a message that the backend answers with ReadyForQuery. */
  answered: boolean;
  /** Whether the client ends the connection, with a Terminate. */
  terminate?: boolean;
}

/** A batch in the form in which the backend gets it, and how to change its answer. */
export interface Rewritten {
  bytes: Buffer;
  answered: boolean;
  /**
   * Which of the ParseComplete messages, by number, answer Parse messages that the client did not
   * send.
   */
  injected: Set<number>;
  /**
   * ErrorResponses to return instead of the backend's errors. The key of each is the word that the
   * backend will name in its error.
   */
  refusals: Map<string, Buffer>;
  listens: Inspection["listens"];
  /** The command tag to return instead of DO. */
  tag: string | undefined;
  /** Backend names of statements that no client knows any more. */
  orphans: string[];
}

const CUSTOM_NAME = /^[a-z_][\w$]*(?:\.[a-z_][\w$]*)+$/i;
let refusalCount = 0;
let statementCount = 0;

/** The text parameters of a Bind that look like the name of a custom setting. */
function namesBound(bytes: Buffer, at: number): string[] {
  const names: string[] = [];
  let next = at + 2 + 2 * bytes.readInt16BE(at);
  const count = bytes.readInt16BE(next);
  next += 2;
  for (let i = 0; i < count; i++) {
    const size = bytes.readInt32BE(next);
    next += 4;
    if (size > 0 && size < 64) {
      const text = bytes.toString("utf8", next, next + size);
      if (CUSTOM_NAME.test(text)) names.push(text);
    }
    if (size > 0) next += size;
  }
  return names;
}

class Rewriter {
  readonly #session: Session;
  readonly #parts: Buffer[] = [];
  #parses = 0;
  /** Whether the backend's unnamed statement is this client's. */
  #ownsUnnamed: boolean;
  readonly #result: Rewritten;

  constructor(session: Session, ownsUnnamed: boolean, answered: boolean) {
    this.#session = session;
    this.#ownsUnnamed = ownsUnnamed;
    this.#result = {
      bytes: Buffer.alloc(0),
      answered,
      injected: new Set(),
      refusals: new Map(),
      listens: [],
      tag: undefined,
      orphans: [],
    };
  }

  run(bytes: Buffer): Rewritten {
    for (const { type, start, end } of frames(bytes)) {
      const whole = bytes.subarray(start, end);
      if (type === code("Q")) this.#query(whole);
      else if (type === code("P")) this.#parse(whole);
      else if (type === code("B")) this.#bind(whole);
      else if (type === code("D")) this.#describe(whole);
      else if (type === code("C")) this.#close(whole);
      else this.#parts.push(whole);
    }
    this.#result.bytes = Buffer.concat(this.#parts);
    return this.#result;
  }

  #query(whole: Buffer): void {
    const { value: text } = cstring(whole, 5);
    const seen = this.#inspect(text);
    this.#session.unnamed = undefined;
    this.#parts.push(seen.text === undefined ? whole : message("Q", seen.text));
    this.#effects(seen.inspection);
  }

  #parse(whole: Buffer): void {
    const { value: name, next } = cstring(whole, 5);
    const { value: text, next: types } = cstring(whole, next);
    const seen = this.#inspect(text);
    const rest = whole.subarray(types);
    const { inspection } = seen;
    this.#parses++;
    if (name === "") {
      const parse = seen.text === undefined ? whole : message("P", "", seen.text, rest);
      this.#parts.push(parse);
      // A copy, because `whole` is a view of a much larger chunk.
      this.#session.unnamed = { parse: Buffer.from(parse), inspection };
      this.#ownsUnnamed = true;
      return;
    }
    const known = this.#session.statements.get(name);
    const real = known?.real ?? `mayfly_${(++statementCount).toString(36)}`;
    if (!known) this.#session.statements.set(name, { real, inspection });
    this.#parts.push(message("P", real, seen.text ?? text, rest));
  }

  #bind(whole: Buffer): void {
    const { value: portal, next } = cstring(whole, 5);
    const { value: name, next: rest } = cstring(whole, next);
    const inspection =
      name === ""
        ? this.#session.unnamed?.inspection
        : this.#session.statements.get(name)?.inspection;
    if (inspection) this.#effects(inspection);
    if (inspection?.namesInParameters) {
      for (const bound of namesBound(whole, rest)) this.#session.customNames.add(bound);
    }
    this.#parts.push(message("B", portal, this.#real(name), whole.subarray(rest)));
  }

  #describe(whole: Buffer): void {
    const { value: name } = cstring(whole, 6);
    const ofStatement = whole[5] === code("S");
    this.#parts.push(ofStatement ? message("D", Buffer.from("S"), this.#real(name)) : whole);
  }

  #close(whole: Buffer): void {
    if (whole[5] !== code("S")) {
      this.#parts.push(whole);
      return;
    }
    const { value: name } = cstring(whole, 6);
    const real = name === "" ? "" : this.#real(name);
    if (name === "") this.#session.unnamed = undefined;
    this.#session.statements.delete(name);
    this.#parts.push(message("C", Buffer.from("S"), real));
  }

  /**
   * The backend's name for a client's statement. Restores the unnamed statement if another client
   * has replaced it.
   */
  #real(name: string): string {
    if (name !== "") return this.#session.statements.get(name)?.real ?? name;
    if (!this.#ownsUnnamed && this.#session.unnamed) {
      this.#result.injected.add(++this.#parses);
      this.#parts.push(this.#session.unnamed.parse);
      this.#ownsUnnamed = true;
    }
    return "";
  }

  #inspect(text: string): { text: string | undefined; inspection: Inspection } {
    const session = this.#session;
    const inspection = inspect(text, (name) => session.statements.get(name)?.real);
    if (inspection.refusal) {
      return { text: this.#refusal(errorResponse(inspection.refusal)), inspection };
    }
    return { text: inspection.text, inspection };
  }

  /**
   * A text to run instead of a refused statement. The text is a syntax error, so that the
   * transaction fails.
   */
  #refusal(error: Buffer): string {
    const word = `mayfly_refusal_${++refusalCount}`;
    this.#result.refusals.set(word, error);
    return word;
  }

  #effects(inspection: Inspection): void {
    if (inspection.refusal) return;
    this.#session.note(inspection);
    this.#result.listens.push(...inspection.listens);
    this.#result.tag ??= inspection.tag;
    if (!inspection.dropsStatements) return;
    for (const { real } of this.#session.statements.values()) this.#result.orphans.push(real);
    this.#session.statements.clear();
  }
}

export function rewrite(session: Session, ownsUnnamed: boolean, batch: Batch): Rewritten {
  return new Rewriter(session, ownsUnnamed, batch.answered).run(batch.bytes);
}
