import type { Recall, RecallOptions } from "../memory/recall.ts";

/** How an entity is named: its name or an alias, with its type where the name alone says too little, or its id. */
export type EntityName = string | { name: string; type?: string } | { id: string };

/** What a fact says of its subject: exactly one of `object`, which is an entity, and `value`. */
export type Said = { object: EntityName; value?: never } | { value: unknown; object?: never };

/** A fact to record. */
export type NewFact = Said & {
  subject: EntityName;
  /** `works_at`, `born`, `depends on`: 1 to 100 characters; blanks and dashes are underscores. */
  predicate: string;
  /** Whether it stands beside others of its subject and predicate. Without it, a newer one replaces it. */
  many?: boolean;
  /** How sure whoever extracted it is, from 0 to 1. */
  confidence?: number;
  /** The passage or the address that says so, at most 2,000 characters. */
  source?: string;
  /** The memory that it was extracted from. It has to be on the server: sync first. */
  memoryId?: string;
  /** `agent`: for this agent, its ancestors and admins. By default as its memory, else `tenant`. */
  visibility?: "tenant" | "agent";
  /** Since when it is true; now by default. */
  validFrom?: Date;
  /** Until when it was true. */
  validTo?: Date;
  /** From then on it is as if it had never been recorded. */
  expiresAt?: Date;
};

/** What became of a fact. */
export interface RecordedFact {
  /** Of the fact that now says so: of a confirmed one, the id that it has had. */
  id: string;
  status: "recorded" | "superseded" | "confirmed";
  /** The facts that it replaced, which have ended. */
  superseded: string[];
  /** The ids of its entities. */
  subject: string;
  object: string | null;
  validFrom: Date;
  validTo: Date | null;
}

/** An entity as a fact names it. */
export interface NamedEntity {
  id: string;
  type: string;
  name: string;
}

/** What is said of an entity. */
export interface Fact {
  id: string;
  subject: NamedEntity;
  predicate: string;
  /** Null where it has a value. */
  object: NamedEntity | null;
  value: unknown;
  many: boolean;
  confidence: number | null;
  source: string;
  memoryId: string | null;
  /** Who recorded it; null for a person or the secret key. */
  agentId: string | null;
  /** The agent whose it is; null for the whole tenant. */
  privateTo: string | null;
  validFrom: Date;
  /** From then on it is no longer true; null while nothing else is known. */
  validTo: Date | null;
  recordedAt: Date;
  confirmedAt: Date;
  /** How many times it was recorded again. */
  confirmations: number;
  supersededBy: string | null;
  expiresAt: Date | null;
}

/** What facts are about. */
export interface Entity extends NamedEntity {
  description: string;
  /** Its other names. */
  aliases: string[];
  privateTo: string | null;
  createdAt: Date;
  updatedAt: Date;
}

/** How an entity is named or changed. */
export interface EntityOptions {
  /** Renames it; the former name stays an alias unless `aliases` are given. */
  name?: string;
  type?: string;
  /** At most 2,000 characters. */
  description?: string;
  /** At most 50, in place of those that it has. */
  aliases?: string[];
  visibility?: "tenant" | "agent";
}

/** Which facts are listed. */
export interface ListFacts {
  subject?: EntityName;
  predicate?: string;
  object?: EntityName;
  memoryId?: string;
  /** As they were then; now by default. */
  asOf?: Date;
  /** Every one that there has been. */
  history?: boolean;
  /** Behind this one, by its id. */
  before?: string;
  /** 1 to 1,000; 100 by default. */
  limit?: number;
}

/** How far a traversal goes. */
export interface TraverseOptions {
  /** 1 to 3; 1 by default. */
  hops?: 1 | 2 | 3;
  /** Along these alone. */
  predicates?: string[];
  /** `out`: from subjects to objects. `both` by default. */
  direction?: "out" | "in" | "both";
  asOf?: Date;
  /** Of each entity so many facts at most, the most certain and newest: 1 to 200, 50 by default. */
  fanOut?: number;
  /** So many in all: 1 to 1,000, 300 by default. */
  limit?: number;
}

/** An entity that a traversal came to. */
export interface ReachedEntity extends Entity {
  /** How far from where it began. */
  hops: number;
  /** The fact that led to it first; null where it began. */
  via: string | null;
}

/** What is around entities. */
export interface FactGraph<Reached extends ReachedEntity = ReachedEntity> {
  entities: Reached[];
  /** `hop`: the step in which it was found. */
  facts: (Fact & { hop: number })[];
  /** Whether there was more than the bounds allow. */
  truncated: boolean;
}

/** An entity that a text names, or one around it. */
export interface MentionedEntity extends ReachedEntity {
  /** The name or alias that stands in the text; null for an entity around it. */
  named: string | null;
}

/** What is known about a text. */
export interface AboutOptions {
  /** Facts that were extracted from these come as well. At most 200 ids. */
  memories?: string[];
  /** 1 to 3; 1 by default. */
  hops?: 1 | 2 | 3;
  asOf?: Date;
  /** 1 to 500 facts; 50 by default. */
  limit?: number;
}

/** A recall with its facts. */
export interface FactRecallOptions extends RecallOptions {
  facts?: Omit<AboutOptions, "memories">;
}

/** What a recall found, and what is known of the entities that the question names. */
export interface FactRecall extends Recall {
  entities: MentionedEntity[];
  facts: (Fact & { hop: number })[];
  /** Whether there were more facts than the bounds allow. */
  factsTruncated: boolean;
  /** Why there are no facts, though the memories are there: as when the server cannot be reached. */
  factsProblem: string | null;
}
