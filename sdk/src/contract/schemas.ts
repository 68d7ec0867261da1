/**
 * Schemas of the requests to the edge functions. The functions and the SDK share them. SQL checks the same
 * again.
 */
import { z } from "zod";
import { agentBounds, memoryBounds as bounds } from "./bounds.ts";
import { isStorable, problemOf, storableRule } from "./storable.ts";
import { teamBudget } from "./team-budget.ts";

/** How many numbers the vectors of a project have: 384 unless `mayfly init --dimensions` sets another. */
export const dimensions = { least: 256, most: 2000 } as const;

export const text = (max: number) =>
  z.string().max(max).refine(isStorable, { message: storableRule });
export const instant = z.iso.datetime({ offset: true });
export const tags = z.array(text(bounds.tag).min(1)).max(bounds.tags);
/** Returns the object itself instead of a copy, because zod's records leave out a key `__proto__`. */
const object = z
  .unknown()
  .refine((value) => typeof value === "object" && value !== null && !Array.isArray(value), {
    message: "must be an object",
  })
  .meta({ type: "object", additionalProperties: {} }) as z.ZodType<Record<string, unknown>>;
export const metadata = object.superRefine((value, context) => {
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
/** Any UUID that Postgres accepts, even without an RFC version, in the form in which Postgres writes it. */
export const uuid = z.guid().toLowerCase();

export const memoryKind = z.enum([
  "episode",
  "task_result",
  "conversation",
  "learning",
  "fact",
  "working",
  "general",
]);

/** The fields that an agent and a group of a team have in common. */
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
  capabilities: z
    .array(text(agentBounds.capability).min(1))
    .max(agentBounds.capabilities)
    .optional(),
  /** A subset of the caller's scopes. By default, what most agents need. */
  scopes: z.array(z.string()).max(agentBounds.scopes).optional(),
  task: text(agentBounds.task).optional(),
  metadata: metadata.optional(),
};

/** `POST /spawn` */
export const spawnRequest = z.strictObject({
  /** Shown to people, 1 to 100 characters. Picked from a pool of names if you leave it out. */
  name: text(agentBounds.name).min(1).optional(),
  ...agentBlueprint,
  /** If the same caller uses the same key again, it gets the same agent while that agent lives. */
  registration_key: text(200).min(1).optional(),
});

/** `POST /spawn/team` */
export const teamRequest = z.strictObject({
  team: z
    .array(
      z.strictObject({
        count: z.int().min(1).max(agentBounds.team).optional(),
        /** A pool of names for the group. */
        names: z.array(text(agentBounds.name).min(1)).max(agentBounds.team).optional(),
        /**
         * The group's role in a team with a name. By default, its type. The group with the role `lead` has one
         * agent, and comes first.
         */
        role: z
          .string()
          .regex(/^[a-z0-9][a-z0-9_.-]{0,62}$/)
          .optional(),
        ...agentBlueprint,
      }),
    )
    .min(1)
    .max(agentBounds.team),
  /** The name of the team. A team with a name can be listed, and is ended together. */
  as: z
    .strictObject({
      name: text(100).min(1),
      task: text(2000).optional(),
      /** In seconds. No member lives longer than this. */
      deadline: z.number().min(5).max(2_592_000).optional(),
      /** How much the members and their descendants may spend, in US dollars or tokens. */
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
  reason: text(agentBounds.reason).optional(),
});

const share = z.number().min(0).max(1);
/** `POST /query` */
export const queryRequest = z
  .strictObject({
    query: text(10_000).optional(),
    embedding: embedding.optional(),
    /** The model of the caller's own embedding. */
    model: text(bounds.model).min(1).optional(),
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
    /** Whether `parts` also have the weights and the rarity of the words. */
    explain: z.boolean().optional(),
  })
  .refine((q) => (q.query ?? "") !== "" || q.embedding || q.similar_to, {
    message: "needs a query, an embedding or similar_to",
  })
  .refine((q) => !q.embedding || q.model, {
    message: "must name the model of the embedding",
    path: ["model"],
  });

/** What a memory is: an episode, a fact, a learning and so on. */
export type MemoryKind = z.infer<typeof memoryKind>;
export type SpawnRequest = z.infer<typeof spawnRequest>;
export type QueryRequest = z.infer<typeof queryRequest>;
