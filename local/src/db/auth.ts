import { code, cstring, int32, message, type PgError } from "./protocol.ts";
import { ScramServer, type Verifier } from "./scram.ts";

const MECHANISM = "SCRAM-SHA-256";
const AUTH_SASL = 10;
const AUTH_SASL_CONTINUE = 11;
const AUTH_SASL_FINAL = 12;

/** The parameters of a startup packet, after its protocol version. */
export function startupParameters(body: Buffer): Map<string, string> {
  const found = new Map<string, string>();
  for (let at = 4; at < body.length && body[at] !== 0; ) {
    const name = cstring(body, at);
    const value = cstring(body, name.next);
    found.set(name.value, value.value);
    at = value.next;
  }
  return found;
}

/** The `name=value` settings that a startup packet asks for, including those in `options`. */
export function startupSettings(parameters: Map<string, string>): string[] {
  const found: string[] = [];
  for (const [name, value] of parameters) {
    if (["user", "database", "options", "replication"].includes(name)) continue;
    if (!name.startsWith("_pq_.")) found.push(`${name}=${value}`);
  }
  const words = (parameters.get("options") ?? "").match(/(?:\\.|\S)+/g) ?? [];
  for (let i = 0; i < words.length; i++) {
    const word = (words[i] as string).replace(/\\(.)/g, "$1");
    if (word === "-c") found.push((words[++i] ?? "").replace(/\\(.)/g, "$1"));
    else if (word.startsWith("--") || word.startsWith("-c")) found.push(word.slice(2));
  }
  return found;
}

/** The next step of the handshake after a message of the client. */
export type Step =
  | { kind: "send"; bytes: Buffer }
  | { kind: "accepted"; bytes: Buffer }
  | { kind: "refused"; error: PgError };

/** One client's password check. */
export class Authentication {
  readonly #user: string;
  readonly #scram: ScramServer;
  #begun = false;

  constructor(user: string, verifier: Verifier | undefined) {
    this.#user = user;
    this.#scram = new ScramServer(verifier);
  }

  get request(): Buffer {
    return message("R", int32(AUTH_SASL), MECHANISM, Buffer.from([0]));
  }

  /** Takes the body of a password message ('p'). */
  take(type: number, body: Buffer): Step {
    if (type !== code("p")) return this.#refused();
    if (this.#begun) {
      const final = this.#scram.final(body.toString());
      if (final === undefined) return this.#refused();
      return {
        kind: "accepted",
        bytes: Buffer.concat([
          message("R", int32(AUTH_SASL_FINAL), Buffer.from(final)),
          message("R", int32(0)),
        ]),
      };
    }
    this.#begun = true;
    const { value: mechanism, next } = cstring(body, 0);
    const first = this.#scram.first(body.toString("utf8", Math.min(next + 4, body.length)));
    if (mechanism !== MECHANISM || first === undefined) return this.#refused();
    return { kind: "send", bytes: message("R", int32(AUTH_SASL_CONTINUE), Buffer.from(first)) };
  }

  #refused(): Step {
    return {
      kind: "refused",
      error: {
        severity: "FATAL",
        sqlstate: "28P01",
        message: `password authentication failed for user "${this.#user}"`,
      },
    };
  }
}
