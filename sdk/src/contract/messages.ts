/** The payload of each known message type. SQL checks only that it is an object, and its size. */
import { z } from "zod";
import { problemOf } from "./storable.ts";

const text = z.string().min(1);
const context = z.custom<Record<string, unknown>>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  { message: "must be an object" },
);

/** The payloads of the known message types, as zod schemas. */
export const messageSchemas = {
  /** Assigns work. */
  task_assignment: z.looseObject({ task: text, context: context.optional() }),
  /** Passes work on to another agent: see `agent.messages.handoff`. */
  task_handoff: z.looseObject({ task: text, reason: text, context: context.optional() }),
  task_complete: z.looseObject({
    task: text,
    success: z.boolean().optional(),
    result: z.unknown().optional(),
  }),
  context_share: z.looseObject({ context }),
  request_help: z.looseObject({ problem: text, context: context.optional() }),
  share_knowledge: z.looseObject({
    knowledge: text,
    /** The ids of memories that give the context. */
    memories: z.array(z.guid()).optional(),
  }),
  review_request: z.looseObject({ subject: text, criteria: z.array(text).optional() }),
  feedback: z.looseObject({ feedback: text, score: z.number().min(0).max(1).optional() }),
  /** Something that was made. Pass large content as a reference in `attachments`. */
  artifact: z.looseObject({ name: text, content: z.unknown().optional() }),
  query: z.looseObject({ question: text }),
  status_update: z.looseObject({ status: text, progress: z.number().min(0).max(1).optional() }),
  alert: z.looseObject({
    message: text,
    severity: z.enum(["info", "warning", "error", "critical"]).optional(),
  }),
  info: z.looseObject({ text }),
  request: z.looseObject({}),
  response: z.looseObject({}),
  /**
   * The answer to a request if its handler threw three times. It has the code of the error, or
   * `work_failed`.
   */
  handler_failed: z.looseObject({ code: text }),
} as const;

/** Sent by the SDK itself. */
export const failureType = "handler_failed";

/** The message types with a known payload. You can use any other lower_snake name for your own types. */
export type KnownMessageType = keyof typeof messageSchemas;

/** The payload of a message type. */
export type PayloadOf<T extends string> = T extends KnownMessageType
  ? z.input<(typeof messageSchemas)[T]>
  : Record<string, unknown>;

/** What is wrong with a payload. Null if the payload is valid. A type of your own has no schema. */
export function faultOf(type: string, payload: unknown): string | null {
  const schema = Object.hasOwn(messageSchemas, type)
    ? messageSchemas[type as KnownMessageType]
    : z.looseObject({});
  const { error } = schema.safeParse(payload);
  const [issue] = error?.issues ?? [];
  if (issue) return `${["payload", ...issue.path].join(".")}: ${issue.message}`;
  const problem = problemOf(payload);
  return problem ? `payload: ${problem}` : null;
}
