import type { z } from "zod";
import type { Database } from "../contract/database.types.ts";
import type { Note } from "../contract/debug.ts";
import { failed, ok, type Result } from "../contract/errors.ts";
import { noTenant } from "../contract/invalid.ts";
import type { Telemetry } from "../contract/telemetry.ts";
import { Attendance, newest } from "./attendance.ts";
import {
  type CallOptions,
  callFunction,
  fromDataApi,
  type MayflyClient,
  timeoutMs,
} from "./call.ts";
import { traceOf } from "./observe.ts";
import type { Requests } from "./requests.ts";
import { Topics } from "./topics.ts";
import type { Caller, Transport } from "./transport.ts";

/** The answer to a call that was aborted. */
const cutOff = { data: null, error: { message: "the client has ended" }, status: 0 };

type Functions = Database["mayfly"]["Functions"];

/** The agent to which a connection belongs. */
export interface Self {
  readonly id: string;
  readonly name: string;
  readonly tenantId: string;
}

/** The parts of a connection. */
export interface LinkParts {
  client: MayflyClient;
  /** Missing if the caller named no tenant. */
  tenantId?: string | undefined;
  /** Missing for a person and for the secret key. */
  self?: Self | undefined;
  /** How to call the database. By default, through the Data API and Realtime. */
  way?: Way | undefined;
  /** What observes the caller's work. */
  telemetry?: Telemetry | undefined;
}

/** Replaces the Data API and Realtime. */
export interface Way {
  transport: Transport;
  caller: Caller;
  /** Requests that are aborted when the connection has to end. */
  requests: Requests;
}

/** One caller's connection. Every network call of a room goes through it. */
export class Link {
  readonly client: MayflyClient;
  readonly tenantId: string | undefined;
  readonly self: Self | null;
  readonly telemetry: Telemetry | undefined;
  readonly topics: Topics;
  readonly attendance: Attendance;
  /**
   * Functions that stop what rooms have started, such as watches. They are called when the connection ends.
   */
  readonly stops = new Set<() => Promise<void>>();
  /** Reports to the agent's debug stream what the SDK does. For a person, it reports nothing. */
  note: Note = () => {};

  readonly #way: Way | undefined;

  constructor({ client, tenantId, self, way, telemetry }: LinkParts) {
    this.client = client;
    this.telemetry = telemetry;
    this.#way = way;
    this.tenantId = tenantId;
    this.self = self ?? null;
    this.topics = new Topics(client, (topic, listener) =>
      way?.transport.join(way.caller, topic, listener),
    );
    this.attendance = new Attendance((beat) => this.rpc("listen", { ...beat }, newest));
  }

  /** Whether calls and broadcasts go over a database connection of the program's own. */
  get isDirect(): boolean {
    return this.#way !== undefined;
  }

  /** Returns the tenant, or the error that `what` needs one. `what` is, for example, "A log". */
  tenant(what: string): Result<string> {
    return this.tenantId === undefined ? failed(noTenant(what)) : ok(this.tenantId);
  }

  /**
   * Calls a function of the database.
   *
   * @param args the arguments, by their names in SQL. Undefined values are left out.
   * @param form the form of the answer. An answer of another form does not come from Mayfly, and becomes
   * `unavailable`.
   */
  async rpc<Name extends keyof Functions, T>(
    name: Name,
    args: { readonly [Arg in keyof Functions[Name]["Args"]]?: unknown },
    form: z.ZodType<T>,
  ): Promise<Result<T>> {
    if (this.#way) {
      const { transport, caller, requests } = this.#way;
      const answer = await requests.orElse(transport.call(caller, name, args), cutOff);
      return fromDataApi(answer, form, "the database");
    }
    // If nothing answers, for example on a half-open connection, fetch would wait for minutes.
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), timeoutMs);
    try {
      // The generated types do not include null, or values that SQL itself validates.
      const call = this.client.rpc(name, args as never).abortSignal(limit.signal);
      return fromDataApi(await call, form);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Calls an edge function. */
  fn<T>(path: string, form: z.ZodType<T>, body: object, options?: CallOptions): Promise<Result<T>> {
    const { trace } = traceOf(this.telemetry);
    const headers = { ...(trace && { traceparent: trace }), ...options?.headers };
    return callFunction(this.client, path, form, body, { ...options, headers });
  }

  /** Leaves every topic, and closes the live connection. */
  async close(): Promise<void> {
    this.attendance.end();
    await Promise.all([...this.stops].map((stop) => stop()));
    await this.topics.close();
  }
}
