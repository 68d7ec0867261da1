import { MayflyError } from "../contract/errors.ts";
import type { Topic, TopicListener } from "./topic.ts";

/** Whose calls these are. */
export interface Caller {
  /** The key of the project. */
  key: string;
  /** The tenant to which the caller is narrowed. */
  tenant?: string | undefined;
  /** The token of an agent; without it the key alone calls. */
  token?: () => Promise<string>;
}

/** As the Data API's client gives it. `status` is 0 where nothing was reached. */
export interface Answer {
  data: unknown;
  error: unknown;
  status: number;
}

/** A way to the functions of the database and to what it broadcasts, in place of the Data API and Realtime. */
export interface Transport {
  /** Calls a function of the schema mayfly. Never throws. */
  call(caller: Caller, name: string, args: object): Promise<Answer>;
  /** Listens to a topic on which the database alone broadcasts; undefined for one on which clients do. */
  join(caller: Caller, topic: string, listener: TopicListener): Topic | undefined;
}

/** Nobody has verified a person's token that comes from a browser: the Data API does. */
export const personByTransport = () =>
  new MayflyError({
    code: "invalid_request",
    message:
      "client and transport cannot be combined, because the Data API has to verify a person's token.",
    hint: "Leave transport out, or call as the secret key or as an agent.",
    details: { field: "transport" },
  });
