/** The operations of a push. SQL checks the same again. */
import { z } from "zod";
import { memoryBounds as bounds } from "./bounds.ts";
import { embedding, instant, memoryKind, metadata, tags, text, uuid } from "./schemas.ts";

/** `milliseconds-counter-node` */
const clock = z.string().regex(/^\d{13}-[0-9a-f]{4}-[0-9A-Za-z_-]{1,36}$/);

/** The fields of a memory that can be put and updated, with their limits. */
const fields = {
  session_id: uuid.optional(),
  conversation_id: uuid.optional(),
  kind: memoryKind.optional(),
  task: text(bounds.task).optional(),
  input: text(bounds.input).optional(),
  output: text(bounds.output).optional(),
  critique: text(bounds.critique).optional(),
  /** How well it went, 0 to 1. */
  reward: z.number().min(0).max(1).optional(),
  success: z.boolean().optional(),
  /** 1 to 10; 5 by default. */
  importance: z.int().min(1).max(bounds.importance).optional(),
  tags: tags.optional(),
  /** At most 64 KB, at most 32 levels deep. */
  metadata: metadata.optional(),
  tokens: z.int32().min(0).optional(),
  latency_ms: z.int32().min(0).optional(),
  /** `tenant` by default. With `agent`, only that agent, its ancestors and the tenant's admins can read it. */
  visibility: z.enum(["tenant", "agent"]).optional(),
  expires_at: instant.optional(),
};

/** The fields of a memory as it is pushed. */
export const memoryFields = {
  /** The agent that learned it; the caller by default. */
  agent_id: uuid.optional(),
  created_at: instant.optional(),
  /** The caller's key for it. A put with the same key changes that memory. */
  key: text(bounds.key).min(1).optional(),
  /** Do not store it if the tenant has a memory with identical content. */
  once: z.boolean().optional(),
  /** With a key: the timestamp of the put from the hybrid logical clock. By default, the server's. */
  hlc: clock.optional(),
  ...fields,
};

/** The caller's own vector. */
export const vectorFields = {
  /**
   * It has as many numbers as the project's vectors, 384 by default. If it is missing, the edge function
   * makes it.
   */
  embedding: embedding.optional(),
  model: text(bounds.model).min(1).optional(),
};

interface Texts {
  task?: string | undefined;
  input?: string | undefined;
  output?: string | undefined;
}

/** A put needs text in at least one of task, input and output. */
export const withText = <Put extends z.ZodType<Texts>>(put: Put) =>
  put.refine(({ task = "", input = "", output = "" }) => task + input + output !== "", {
    message: "must have a task, an input or an output",
  });

/** Fields of a memory. Null resets a field to its default. */
const changes = z.strictObject(
  Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name, schema.nullable()])) as {
    [Name in keyof typeof fields]: z.ZodNullable<(typeof fields)[Name]>;
  },
);

/** The fields of an update. */
export const changeFields = {
  set: changes,
  /** The values that you saw. `manual` needs them for each field, and `merge` works better with them. */
  base: changes.optional(),
  /** The hybrid logical timestamp of the change: `milliseconds-counter-node`. By default, the server's. */
  hlc: clock.optional(),
  /** `latest_wins` by default. */
  resolve: z.enum(["latest_wins", "merge", "manual"]).optional(),
  /** Conflicts in `mayfly.memory_conflicts` that this resolves. `set` may then be empty. */
  settles: z.array(uuid).min(1).max(bounds.settles).optional(),
};

interface Change {
  set: object;
  base?: object | undefined;
  resolve?: string | undefined;
  settles?: string[] | undefined;
}

/** An update has to set something. With `manual`, it also has to name the values that the caller saw. */
export const withChange = <Update extends z.ZodType<Change>>(update: Update) =>
  update
    .refine(({ set, settles }) => Object.keys(set).length > 0 || settles, {
      message: "must set at least one field",
      path: ["set"],
    })
    .refine(
      ({ set, base = {}, resolve }) =>
        resolve !== "manual" || Object.keys(set).every((field) => field in base),
      { message: "must have every field of set if resolve is manual", path: ["base"] },
    );

/**
 * One operation of a push. Its `id` makes sure that it is applied at most once. Its `subject` is the id of the
 * memory. For a put, the client makes this id, a UUIDv7.
 */
export const operation = z.discriminatedUnion("type", [
  z.strictObject({
    id: uuid,
    type: z.literal("memory.put"),
    subject: uuid,
    body: withText(z.strictObject({ ...memoryFields, ...vectorFields })),
  }),
  z.strictObject({
    id: uuid,
    type: z.literal("memory.update"),
    subject: uuid,
    body: withChange(z.strictObject({ ...changeFields, ...vectorFields })),
  }),
  z.strictObject({
    id: uuid,
    type: z.literal("memory.delete"),
    subject: uuid,
    body: z.strictObject({}).optional(),
  }),
]);

/** What an outbox holds: one change, with the id that makes it idempotent. */
export type Operation = z.infer<typeof operation>;
