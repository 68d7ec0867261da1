/** What the payload of each known type of message is. SQL checks that it is an object, and its size. */
import { z } from "zod";
import { problemOf } from "./storable.ts";

const text = z.string().min(1);
const context = z.custom<Record<string, unknown>>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  { message: "must be an object" },
);

/** The payloads of the known types of messages, as zod schemas. */
export const messageSchemas = {
  /** Asks for work. */
  task_assignment: z.looseObject({ task: text, context: context.optional() }),
  /** Gives work on to another: see `agent.messages.handoff`. */
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
    /** The ids of memories that hold it. */
    memories: z.array(z.guid()).optional(),
  }),
  review_request: z.looseObject({ subject: text, criteria: z.array(text).optional() }),
  feedback: z.looseObject({ feedback: text, score: z.number().min(0).max(1).optional() }),
  /** Something that was made; what is large goes by reference, in `attachments`. */
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
  /** The answer to a request whose handler threw three times: the code of what it threw, or `work_failed`. */
  handler_failed: z.looseObject({ code: text }),
} as const;

/** Sent by the SDK itself. */
export const failureType = "handler_failed";

/** The types of messages whose payload is known. Any other lower_snake name is the tenant's own. */
export type KnownMessageType = keyof typeof messageSchemas;

/** What a message of a type carries. */
export type PayloadOf<T extends string> = T extends KnownMessageType
  ? z.input<(typeof messageSchemas)[T]>
  : Record<string, unknown>;

/** What is wrong with a payload; null where nothing is, or the type is the tenant's own. */
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
