import { MayflyError } from "../contract/errors.ts";
import type { Topic, TopicListener } from "./topic.ts";

/** The caller of these calls. */
export interface Caller {
  /** The key of the project. */
  key: string;
  /** The tenant to which the caller is limited. */
  tenant?: string | undefined;
  /** The token of an agent. If it is missing, only the key is used. */
  token?: () => Promise<string>;
}

/** The answer in the form of the Data API's client. `status` is 0 if the database was not reached. */
export interface Answer {
  data: unknown;
  error: unknown;
  status: number;
}

/**
 * A way to call the database's functions and receive its broadcasts, instead of the Data API and
 * Realtime.
 */
export interface Transport {
  /** Calls a function of the schema mayfly. Never throws. */
  call(caller: Caller, name: string, args: object): Promise<Answer>;
  /**
   * Listens to a topic on which only the database broadcasts. Undefined for a topic on which
   * clients broadcast.
   */
  join(caller: Caller, topic: string, listener: TopicListener): Topic | undefined;
}

/**
 * The error for a transport together with a person's client. Only the Data API verifies a person's token,
 * which may come from a browser.
 */
export const personByTransport = () =>
  new MayflyError({
    code: "invalid_request",
    message:
      "client and transport cannot be combined, because the Data API has to verify a person's token.",
    hint: "Leave transport out, or call as the secret key or as an agent.",
    details: { field: "transport" },
  });
