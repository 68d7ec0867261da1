import type { Credential } from "./credentials.ts";
import type { Database, Permissions } from "./database.ts";

/** What one credential may do on one private topic. Asks the database when an answer is first needed. */
export class Access {
  readonly #database: Database;
  readonly #topic: string;
  readonly #credential: Credential;
  readonly #headers: Record<string, string>;
  #read: Permissions | undefined;
  #presenceAsked = false;
  #write: Permissions | undefined;

  constructor(
    database: Database,
    topic: string,
    credential: Credential,
    headers: Record<string, string>,
  ) {
    this.#database = database;
    this.#topic = topic;
    this.#credential = credential;
    this.#headers = headers;
  }

  /** Asks the database what may be read. Asks about presence only if it is wanted. */
  async askRead(withPresence: boolean): Promise<Permissions> {
    if (!this.#read || (withPresence && !this.#presenceAsked)) {
      this.#read = await this.#ask("read", withPresence);
      this.#presenceAsked = withPresence;
    }
    return this.#read;
  }

  /** Asks the database, only once, what may be written. */
  async askWrite(): Promise<Permissions> {
    this.#write ??= await this.#ask("write", true);
    return this.#write;
  }

  /** The read permissions that the database has returned so far. */
  get read(): Permissions {
    return this.#read ?? { broadcast: false, presence: false };
  }

  #ask(wanted: "read" | "write", withPresence: boolean): Promise<Permissions> {
    const { role, claims } = this.#credential;
    const identity = { role, claims, headers: this.#headers };
    return this.#database.authorize(wanted, this.#topic, identity, withPresence);
  }
}
