/** Postgres wire protocol 3.0: framing and the messages that the arbiter builds itself. */

export const code = (letter: string): number => letter.charCodeAt(0);

export const IDLE = code("I");

export interface Frame {
  type: number;
  /** Offset of the type byte. */
  start: number;
  /** Offset of the first byte after the message. */
  end: number;
}

/** The complete messages in a buffer that holds nothing else. */
export function* frames(bytes: Buffer): Generator<Frame> {
  for (let at = 0; at + 5 <= bytes.length; ) {
    const end = at + 1 + bytes.readInt32BE(at + 1);
    yield { type: bytes[at] as number, start: at, end };
    at = end;
  }
}

/** One message: type, length, body. Strings are sent null-terminated. */
export function message(type: string, ...parts: (string | Buffer)[]): Buffer {
  const body = Buffer.concat(parts.map((p) => (typeof p === "string" ? Buffer.from(`${p}\0`) : p)));
  const head = Buffer.allocUnsafe(5);
  head[0] = code(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

export function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32BE(value);
  return bytes;
}

export const query = (sql: string): Buffer => message("Q", sql);
export const sync = message("S");
export const closeStatement = (name: string): Buffer => message("C", Buffer.from("S"), name);
export const readyForQuery = (status: number): Buffer => message("Z", Buffer.from([status]));
export const parameterStatus = (name: string, value: string): Buffer => message("S", name, value);
export const commandComplete = (tag: string): Buffer => message("C", tag);

export interface PgError {
  severity: "ERROR" | "FATAL";
  sqlstate: string;
  message: string;
  hint?: string;
}

export function errorResponse(error: PgError): Buffer {
  const fields = [
    `S${error.severity}\0V${error.severity}\0C${error.sqlstate}\0M${error.message}\0`,
    error.hint === undefined ? "" : `H${error.hint}\0`,
  ];
  return message("E", Buffer.from(`${fields.join("")}\0`));
}

/** The fields of an ErrorResponse. */
export function errorFields(body: Buffer): { sqlstate: string; message: string } {
  const fields = body.toString("utf8").split("\0");
  const field = (letter: string) => fields.find((f) => f.startsWith(letter))?.slice(1) ?? "";
  return { sqlstate: field("C"), message: field("M") };
}

/** A null-terminated string at an offset, and the offset after it. */
export function cstring(bytes: Buffer, at: number): { value: string; next: number } {
  const end = bytes.indexOf(0, at);
  if (end < 0) return { value: "", next: bytes.length };
  return { value: bytes.toString("utf8", at, end), next: end + 1 };
}

/** The text columns of every DataRow in a response. */
export function rows(bytes: Buffer): (string | null)[][] {
  const out: (string | null)[][] = [];
  for (const { type, start } of frames(bytes)) {
    if (type !== code("D")) continue;
    const row: (string | null)[] = [];
    let at = start + 7;
    for (let left = bytes.readInt16BE(start + 5); left > 0; left--) {
      const size = bytes.readInt32BE(at);
      at += 4;
      row.push(size < 0 ? null : bytes.toString("utf8", at, at + size));
      if (size > 0) at += size;
    }
    out.push(row);
  }
  return out;
}

/** The fields of the first ErrorResponse in a response, if there is one. */
export function firstError(bytes: Buffer): { sqlstate: string; message: string } | undefined {
  for (const { type, start, end } of frames(bytes)) {
    if (type === code("E")) return errorFields(bytes.subarray(start + 5, end));
  }
  return undefined;
}

export const literal = (value: string): string =>
  value.includes("\\")
    ? `E'${value.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`
    : `'${value.replaceAll("'", "''")}'`;
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
