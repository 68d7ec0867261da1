/** The bodies of the edge functions: shared by them and the SDK. SQL checks the same again. */
import { z } from "zod";
import { isStorable, problemOf, storableRule } from "./storable.ts";

/** How many numbers the vectors of a project have: 384 unless `mayfly init --dimensions` has set another. */
export const dimensions = { least: 256, most: 2000 } as const;

const text = (max: number) => z.string().max(max).refine(isStorable, { message: storableRule });
const instant = z.iso.datetime({ offset: true });
const tags = z.array(text(100).min(1)).max(50);
/** As it is, and not a copy: zod's records leave a key `__proto__` out. */
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

/** What is nearer to 0 is 0 to Postgres, which keeps a vector in half precision. */
const leastKept = 6e-8;
/** Of any model: numbers that half precision can hold, and that point somewhere. */
export const embedding = z
  .array(z.number().min(-1000).max(1000))
  .min(dimensions.least)
  .max(dimensions.most)
  .refine((vector) => vector.some((value) => Math.abs(value) >= leastKept), {
    message: "must have a number other than 0: without one it points nowhere",
  });
/** Any uuid that Postgres takes: deterministic ones of no RFC version too. As Postgres writes it. */
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

/** What an agent and a group of a team have in common. */
const agentBlueprint = {
  /** Free text, or one that the tenant has defined: then what is left out comes from its newest version. */
  type: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_.-]{0,62}$/)
    .optional(),
  /** Seconds, 5 to the tenant's maximum (15 minutes by default). 300 by default. */
  lifetime: z.number().min(5).optional(),
  /** Whether each new token gives it its lifetime again, up to the maximum of its tenant and its type. */
  renew: z.boolean().optional(),
  capabilities: z.array(text(100).min(1)).max(50).optional(),
  /** A subset of the caller's; without it what most agents need. */
  scopes: z.array(z.string()).max(50).optional(),
  task: text(2000).optional(),
  metadata: metadata.optional(),
};

/** `POST /spawn` */
export const spawnRequest = z.strictObject({
  /** Shown to people, 1 to 100 characters; from a pool of names without it. */
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
  /** Makes it a team with a name, that is seen and ended as one. */
  as: z
    .strictObject({
      name: text(100).min(1),
      task: text(2000).optional(),
      /** Seconds; no member lives longer. */
      deadline: z.number().min(5).max(2_592_000).optional(),
      /** What its members, and all that they spawn, may spend: US dollars, tokens. */
      budget: z
        .strictObject({
          hard_usd: z.number().min(0).max(1e9).optional(),
          soft_usd: z.number().min(0).max(1e9).optional(),
          hard_tokens: z.int().min(0).max(1e12).optional(),
        })
        .optional(),
      /** Whether its members get a channel of their own; true by default. */
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
  /** Gives the agent its lifetime again, not only its token. */
  extend: z.boolean().optional(),
});

/** `DELETE /spawn`: the calling agent itself, without an id. */
export const stopRequest = z.strictObject({
  id: uuid.optional(),
  reason: text(500).optional(),
});

/** `milliseconds-counter-node` */
const clock = z.string().regex(/^\d{13}-[0-9a-f]{4}-[0-9A-Za-z_-]{1,36}$/);

/** What of a memory can be put and updated, with its bounds. */
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
  /** `tenant` by default; `agent`: that agent, its ancestors and the tenant's admins. */
  visibility: z.enum(["tenant", "agent"]).optional(),
  expires_at: instant.optional(),
};

/** A memory as it is pushed. At least one of task, input and output has text. */
export const memory = z
  .strictObject({
    /** Made by the client: a UUIDv7. */
    id: uuid,
    /** The agent that learned it; the caller by default. */
    agent_id: uuid.optional(),
    created_at: instant.optional(),
    /** The caller's own name of it: a put with the same key changes that memory. */
    key: text(200).min(1).optional(),
    /** Not stored where the tenant has a memory with identical content. */
    once: z.boolean().optional(),
    /** With a key, the hybrid logical clock of the put; the server's without it. */
    hlc: clock.optional(),
    ...fields,
  })
  .refine((m) => (m.task ?? "") + (m.input ?? "") + (m.output ?? "") !== "", {
    message: "must have a task, an input or an output",
  });

/** Fields of a memory; null sets one back to its default. */
const changes = z.strictObject(
  Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name, schema.nullable()])) as {
    [Name in keyof typeof fields]: z.ZodNullable<(typeof fields)[Name]>;
  },
);

const put = z.strictObject({
  id: uuid,
  type: z.literal("memory.put"),
  memory,
  /** The caller's own vector, as long as the project's are (384); without it the function makes one. */
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
      /** What the fields were taken for: `manual` needs it for each, `merge` is better with it. */
      base: changes.optional(),
      /** The hybrid logical clock of the change: `milliseconds-counter-node`. The server's without it. */
      hlc: clock.optional(),
      /** `latest_wins` by default. */
      resolve: z.enum(["latest_wins", "merge", "manual"]).optional(),
      /** Conflicts of `mayfly.memory_conflicts` that this settles; `set` may then be empty. */
      settles: z.array(uuid).min(1).max(50).optional(),
    })
    .refine((m) => Object.keys(m.set).length > 0 || m.settles, {
      message: "must set at least one field",
      path: ["set"],
    })
    .refine((m) => m.resolve !== "manual" || Object.keys(m.set).every((f) => f in (m.base ?? {})), {
      message: "must have every field of set where resolve is manual",
      path: ["base"],
    }),
  /** The caller's own vector of what it says now. */
  embedding: embedding.optional(),
  model: text(100).min(1).optional(),
});

/** One operation of a push, applied at most once by its `id`. */
export const operation = z.discriminatedUnion("type", [put, update, remove]);

/** `POST /sync` */
export const syncRequest = z.strictObject({
  push: z.array(operation).max(1000).optional(),
  /**
   * The cursor of the last answer; null for a first sync, which pages all memories before the log;
   * `now` for a cursor at the end of the log, without what there is.
   */
  since: z.string().max(10_000).nullish(),
  /**
   * Events, or memories of a first sync, a page; 0 only pushes. 500 by default. A page ends earlier
   * where its memories would exceed about 4 MB.
   */
  limit: z.int().min(0).max(1000).optional(),
});

const share = z.number().min(0).max(1);
/** `POST /query` */
export const queryRequest = z
  .strictObject({
    query: text(10_000).optional(),
    embedding: embedding.optional(),
    /** Of the caller's own embedding. */
    model: text(100).min(1).optional(),
    kinds: z.array(memoryKind).optional(),
    /** All of them. */
    tags: tags.optional(),
    agent: uuid.optional(),
    min_reward: z.number().min(0).max(1).optional(),
    since: instant.optional(),
    /** Excluded. */
    until: instant.optional(),
    /** The same text. */
    task: text(2000).optional(),
    session: uuid.optional(),
    conversation: uuid.optional(),
    /** The id of a memory: what is like it, without it. */
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
    /** Days by kind. */
    half_lives: z.partialRecord(memoryKind, z.number().min(0.001).max(36_500)).optional(),
    /** 1 to 100; 10 by default. */
    limit: z.int().min(1).max(100).optional(),
    /** How many memories before and after each hit come with it; 0 by default. */
    surrounding: z.int().min(0).max(5).optional(),
    /** Near duplicates as one result; true by default. */
    grouped: z.boolean().optional(),
    /** Whether `parts` say how rare the words are, and the weights. */
    explain: z.boolean().optional(),
  })
  .refine((q) => (q.query ?? "") !== "" || q.embedding || q.similar_to, {
    message: "needs a query, an embedding or similar_to",
  })
  .refine((q) => !q.embedding || q.model, {
    message: "must name the model of the embedding",
    path: ["model"],
  });

/** What a memory is of. */
export type MemoryKind = z.infer<typeof memoryKind>;
export type SpawnRequest = z.infer<typeof spawnRequest>;
export type Memory = z.infer<typeof memory>;
/** What an outbox holds: one change, with the id by which it is applied once. */
export type Operation = z.infer<typeof operation>;
export type SyncRequest = z.infer<typeof syncRequest>;
export type QueryRequest = z.infer<typeof queryRequest>;
