/** The bodies of the edge functions, which the functions and the SDK share. SQL checks the same again. */
import { z } from "zod";
import { isStorable, problemOf, storableRule } from "./storable.ts";
import { teamBudget } from "./team-budget.ts";

/** How many numbers the vectors of a project have: 384 unless `mayfly init --dimensions` sets another. */
export const dimensions = { least: 256, most: 2000 } as const;

const text = (max: number) => z.string().max(max).refine(isStorable, { message: storableRule });
const instant = z.iso.datetime({ offset: true });
const tags = z.array(text(100).min(1)).max(50);
/** Passes the object itself, because zod's records leave out a key `__proto__`. */
const object = z
  .unknown()
  .refine((value) => typeof value === "object" && value !== null && !Array.isArray(value), {
    message: "must be an object",
  })
  .meta({ type: "object", additionalProperties: {} }) as z.ZodType<Record<string, unknown>>;
const metadata = object.superRefine((value, context) => {
  const message = problemOf(value);
  if (message) context.addIssue({ code: "custom", message });
});

/** Postgres stores vectors in half precision, where numbers closer to 0 than this become 0. */
const leastKept = 6e-8;
/** A vector of any model. Its numbers fit into half precision and are not all 0. */
export const embedding = z
  .array(z.number().min(-1000).max(1000))
  .min(dimensions.least)
  .max(dimensions.most)
  .refine((vector) => vector.some((value) => Math.abs(value) >= leastKept), {
    message: "must have a number other than 0, because a vector of zeros has no direction",
  });
/** Any UUID that Postgres accepts, including deterministic ones of no RFC version. Written like Postgres does. */
const uuid = z.guid().toLowerCase();

export const memoryKind = z.enum([
  "episode",
  "task_result",
  "conversation",
  "learning",
  "fact",
  "working",
  "general",
]);

/** The common fields of an agent and a group of a team. */
const agentBlueprint = {
  /** Free text, or a type that the tenant has defined. Its newest version then supplies what you leave out. */
  type: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_.-]{0,62}$/)
    .optional(),
  /** Seconds, 5 to the tenant's maximum (15 minutes by default). 300 by default. */
  lifetime: z.number().min(5).optional(),
  /** Whether each new token restarts its lifetime, up to the maximum of its tenant and type. */
  renew: z.boolean().optional(),
  capabilities: z.array(text(100).min(1)).max(50).optional(),
  /** A subset of the caller's scopes. By default, what most agents need. */
  scopes: z.array(z.string()).max(50).optional(),
  task: text(2000).optional(),
  metadata: metadata.optional(),
};

/** `POST /spawn` */
export const spawnRequest = z.strictObject({
  /** Shown to people, 1 to 100 characters. Picked from a pool of names if you leave it out. */
  name: text(100).min(1).optional(),
  ...agentBlueprint,
  /** The same key of the same caller gives the same living agent. */
  registration_key: text(200).min(1).optional(),
});

/** `POST /spawn/team` */
export const teamRequest = z.strictObject({
  team: z
    .array(
      z.strictObject({
        count: z.int().min(1).max(100).optional(),
        /** A pool of names for the group. */
        names: z.array(text(100).min(1)).max(100).optional(),
        /** In a team with a name; `lead` is one agent, and the first. Its type by default. */
        role: z
          .string()
          .regex(/^[a-z0-9][a-z0-9_.-]{0,62}$/)
          .optional(),
        ...agentBlueprint,
      }),
    )
    .min(1)
    .max(100),
  /** The name of the team. A team with a name is seen and ended together. */
  as: z
    .strictObject({
      name: text(100).min(1),
      task: text(2000).optional(),
      /** Seconds. No member lives longer. */
      deadline: z.number().min(5).max(2_592_000).optional(),
      /** What its members, and all that they spawn, may spend: US dollars, tokens. */
      budget: teamBudget.optional(),
      /** Whether its members get their own channel. True by default. */
      channel: z.boolean().optional(),
      metadata: metadata.optional(),
    })
    .optional(),
});

/** `POST /spawn/resume` */
export const resumeRequest = z.strictObject({ id: uuid });

/** `POST /spawn/renew` */
export const renewRequest = z.strictObject({
  renewal_secret: z.string().min(1).max(200),
  /** Also restarts the agent's lifetime, not only its token. */
  extend: z.boolean().optional(),
});

/** `DELETE /spawn`. Without an id, the calling agent. */
export const stopRequest = z.strictObject({
  id: uuid.optional(),
  reason: text(500).optional(),
});

/** `milliseconds-counter-node` */
const clock = z.string().regex(/^\d{13}-[0-9a-f]{4}-[0-9A-Za-z_-]{1,36}$/);

/** The fields of a memory that can be put and updated, with their limits. */
const fields = {
  session_id: uuid.optional(),
  conversation_id: uuid.optional(),
  kind: memoryKind.optional(),
  task: text(2000).optional(),
  input: text(100_000).optional(),
  output: text(100_000).optional(),
  critique: text(20_000).optional(),
  /** How well it went, 0 to 1. */
  reward: z.number().min(0).max(1).optional(),
  success: z.boolean().optional(),
  /** 1 to 10; 5 by default. */
  importance: z.int().min(1).max(10).optional(),
  tags: tags.optional(),
  /** At most 64 KB, at most 32 levels deep. */
  metadata: metadata.optional(),
  tokens: z.int32().min(0).optional(),
  latency_ms: z.int32().min(0).optional(),
  /** `tenant` by default. With `agent`, only that agent, its ancestors and the tenant's admins can read it. */
  visibility: z.enum(["tenant", "agent"]).optional(),
  expires_at: instant.optional(),
};

/** A memory as it is pushed. It needs text in at least one of task, input and output. */
export const memory = z
  .strictObject({
    /** The client makes it: a UUIDv7. */
    id: uuid,
    /** The agent that learned it; the caller by default. */
    agent_id: uuid.optional(),
    created_at: instant.optional(),
    /** The caller's key for it. A put with the same key changes that memory. */
    key: text(200).min(1).optional(),
    /** Do not store it if the tenant has a memory with identical content. */
    once: z.boolean().optional(),
    /** With a key: the timestamp of the put from the hybrid logical clock. By default, the server's. */
    hlc: clock.optional(),
    ...fields,
  })
  .refine((m) => (m.task ?? "") + (m.input ?? "") + (m.output ?? "") !== "", {
    message: "must have a task, an input or an output",
  });

/** Fields of a memory. Null resets a field to its default. */
const changes = z.strictObject(
  Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name, schema.nullable()])) as {
    [Name in keyof typeof fields]: z.ZodNullable<(typeof fields)[Name]>;
  },
);

const put = z.strictObject({
  id: uuid,
  type: z.literal("memory.put"),
  memory,
  /** The caller's own vector, as long as the project's vectors (384). Otherwise the function makes one. */
  embedding: embedding.optional(),
  model: text(100).min(1).optional(),
});
const remove = z.strictObject({
  id: uuid,
  type: z.literal("memory.delete"),
  memory: z.strictObject({ id: uuid }),
});

const update = z.strictObject({
  id: uuid,
  type: z.literal("memory.update"),
  memory: z
    .strictObject({
      id: uuid,
      set: changes,
      /** The values that you saw. `manual` needs them for each field, and `merge` works better with them. */
      base: changes.optional(),
      /** The hybrid logical timestamp of the change: `milliseconds-counter-node`. By default, the server's. */
      hlc: clock.optional(),
      /** `latest_wins` by default. */
      resolve: z.enum(["latest_wins", "merge", "manual"]).optional(),
      /** Conflicts in `mayfly.memory_conflicts` that this resolves. `set` may then be empty. */
      settles: z.array(uuid).min(1).max(50).optional(),
    })
    .refine((m) => Object.keys(m.set).length > 0 || m.settles, {
      message: "must set at least one field",
      path: ["set"],
    })
    .refine((m) => m.resolve !== "manual" || Object.keys(m.set).every((f) => f in (m.base ?? {})), {
      message: "must have every field of set if resolve is manual",
      path: ["base"],
    }),
  /** The caller's own vector of the new text. */
  embedding: embedding.optional(),
  model: text(100).min(1).optional(),
});

/** One operation of a push. Its `id` makes sure that it is applied at most once. */
export const operation = z.discriminatedUnion("type", [put, update, remove]);

/** `POST /sync` */
export const syncRequest = z.strictObject({
  push: z.array(operation).max(1000).optional(),
  /**
   * The cursor of the last answer. Null starts a first sync, which pages through all memories before the log.
   * `now` returns only a cursor at the end of the log.
   */
  since: z.string().max(10_000).nullish(),
  /**
   * How many events, or memories of a first sync, a page has. 0 only pushes. 500 by default. A page ends
   * earlier if its memories would exceed about 4 MB.
   */
  limit: z.int().min(0).max(1000).optional(),
});

const share = z.number().min(0).max(1);
/** `POST /query` */
export const queryRequest = z
  .strictObject({
    query: text(10_000).optional(),
    embedding: embedding.optional(),
    /** The model of the caller's own embedding. */
    model: text(100).min(1).optional(),
    kinds: z.array(memoryKind).optional(),
    /** A memory must have all of these. */
    tags: tags.optional(),
    agent: uuid.optional(),
    min_reward: z.number().min(0).max(1).optional(),
    since: instant.optional(),
    /** Only memories made before this time. */
    until: instant.optional(),
    /** Only memories with exactly this task. */
    task: text(2000).optional(),
    session: uuid.optional(),
    conversation: uuid.optional(),
    /** The id of a memory. Finds similar memories, without the memory itself. */
    similar_to: uuid.optional(),
    /** `mayfly.recall` has the formula and the defaults. */
    weights: z
      .strictObject({
        words: z.number().min(0).max(100),
        meaning: z.number().min(0).max(100),
        neighbours: share,
        reward: share,
        importance: share,
        recency: share,
      })
      .partial()
      .optional(),
    /** Half-lives in days, by kind. */
    half_lives: z.partialRecord(memoryKind, z.number().min(0.001).max(36_500)).optional(),
    /** 1 to 100; 10 by default. */
    limit: z.int().min(1).max(100).optional(),
    /** How many memories before and after each hit to return. 0 by default. */
    surrounding: z.int().min(0).max(5).optional(),
    /** Merge near duplicates into one result. True by default. */
    grouped: z.boolean().optional(),
    /** Whether `parts` have the weights, and how rare the words are. */
    explain: z.boolean().optional(),
  })
  .refine((q) => (q.query ?? "") !== "" || q.embedding || q.similar_to, {
    message: "needs a query, an embedding or similar_to",
  })
  .refine((q) => !q.embedding || q.model, {
    message: "must name the model of the embedding",
    path: ["model"],
  });

/** To which memory an operation belongs. */
export type MemoryKind = z.infer<typeof memoryKind>;
export type SpawnRequest = z.infer<typeof spawnRequest>;
export type Memory = z.infer<typeof memory>;
/** What an outbox holds: one change, with the id that makes it idempotent. */
export type Operation = z.infer<typeof operation>;
export type SyncRequest = z.infer<typeof syncRequest>;
export type QueryRequest = z.infer<typeof queryRequest>;
