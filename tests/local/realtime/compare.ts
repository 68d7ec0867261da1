import type { Received } from "./client.ts";

/** One recorded frame that was sent to the client. */
export interface Recorded {
  type: "text" | "binary";
  frame?: string;
  base64?: string;
}

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/;
const generated = new RegExp(
  [
    `(?<uuid>(?!1{8}|2{8})${uuid.source})`,
    `(?<=phx_ref(?:_prev)?":")(?<ref>[\\w-]{16})`,
    `(?<=Token has expired )(?<seconds>\\d+)`,
    `(?<="id":)(?<number> ?\\d+)`,
  ].join("|"),
  "g",
);
const shapes = { uuid: uuid.source, ref: "[\\w-]{16}", seconds: "\\d+", number: " ?\\d+" };

/**
 * Compares frames with a recording as text, byte by byte, except for values that the server generates. Such a
 * value must have the form of the recorded value. Where a recorded value is repeated, the received value must
 * be repeated too.
 */
export class Comparison {
  readonly #known = new Map<string, string>();

  matches(recorded: Recorded, received: Received): boolean {
    if (received.binary !== (recorded.type === "binary")) return false;
    const expected = sortedState(textOf(recorded));
    const values: string[] = [];
    let pattern = "";
    let end = 0;
    for (const match of expected.matchAll(generated)) {
      pattern += escaped(expected.slice(end, match.index));
      const kind = Object.entries(match.groups ?? {}).find(([, value]) => value !== undefined)?.[0];
      const known = this.#known.get(match[0]);
      const free = shapes[kind as keyof typeof shapes];
      pattern += known === undefined ? `(${free})` : `(${escaped(known)})`;
      if (kind === "uuid" || kind === "ref") values.push(match[0]);
      else values.push("");
      end = match.index + match[0].length;
    }
    pattern += escaped(expected.slice(end));
    const found = new RegExp(`^${pattern}$`, "s").exec(sortedState(received.text));
    if (!found) return false;
    values.forEach((value, index) => {
      if (value !== "") this.#known.set(value, found[index + 1] ?? "");
    });
    return true;
  }
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

export function textOf(recorded: Recorded): string {
  return recorded.frame ?? Buffer.from(recorded.base64 ?? "", "base64").toString("latin1");
}

/** Generated presence keys sort differently each time, so a state is compared by who is present. */
function sortedState(text: string): string {
  if (!text.includes('"presence_state"')) return text;
  const sort = (state: Record<string, unknown>) =>
    Object.fromEntries(
      Object.entries(state).sort(([, a], [, b]) => (withoutRefs(a) < withoutRefs(b) ? -1 : 1)),
    );
  const message = JSON.parse(text);
  if (Array.isArray(message)) message[4] = sort(message[4]);
  else message.payload = sort(message.payload);
  return JSON.stringify(message);
}

function withoutRefs(value: unknown): string {
  return JSON.stringify(value).replace(/"phx_ref(_prev)?":"[^"]*"/g, "");
}

/** Frames for which the server does not promise an order within a socket. */
export function isUnordered(text: string): boolean {
  return /"phx_reply"|"presence_diff"|"extension":"postgres_changes"/.test(text);
}
