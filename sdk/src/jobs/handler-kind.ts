import type { JobHandler } from "./local-job.ts";
import type { JobSchema } from "./schema.ts";

/** What a handler says about its jobs, besides doing them. */
export interface HandlerKind {
  input?: JobSchema | undefined;
  description?: string | undefined;
}

/** On the handler itself, so that handlers can be spread into other objects. */
const kind = Symbol.for("mayfly.handler.kind");

export const withKind = (handler: JobHandler, of: HandlerKind): JobHandler =>
  Object.assign(handler, { [kind]: of });

export const kindOf = (handler: JobHandler): HandlerKind =>
  (handler as { [kind]?: HandlerKind } | undefined)?.[kind] ?? {};
