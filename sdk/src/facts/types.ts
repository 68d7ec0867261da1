import type { Recall, RecallOptions } from "../memory/recall.ts";

/**
 * A reference to an entity: its name or an alias, its name with a type if the name is ambiguous, or its id.
 */
export type EntityName = string | { name: string; type?: string } | { id: string };

/** What a fact says about its subject: either an `object`, which is an entity, or a `value`. */
export type Said = { object: EntityName; value?: never } | { value: unknown; object?: never };

/** A fact to record. */
export type NewFact = Said & {
  subject: EntityName;
  /**
   * The predicate, such as `works_at`, `born`, `depends on`. 1 to 100 characters. Spaces and dashes
   * become underscores.
   */
  predicate: string;
  /**
   * Whether there can be several such facts, with the same subject and predicate. Otherwise, a newer fact
   * replaces it.
   */
  many?: boolean;
  /** How sure the extraction is, from 0 to 1. */
  confidence?: number;
  /** The passage or address of the source, at most 2,000 characters. */
  source?: string;
  /** The memory from which it was extracted. It must be on the server, so sync first. */
  memoryId?: string;
  /**
   * With `agent`, only this agent, its ancestors and admins see it. By default, it has the
   * visibility of its memory, or `tenant`.
   */
  visibility?: "tenant" | "agent";
  /** Since when it is true. Now by default. */
  validFrom?: Date;
  /** Until when it was true. */
  validTo?: Date;
  /** When it expires. From then on, it is gone as if it had never been recorded. */
  expiresAt?: Date;
};

/** What happened to a fact. */
export interface RecordedFact {
  /** The id of the fact. If the fact was only confirmed, this is the id that it already had. */
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

/** An entity in a fact. */
export interface NamedEntity {
  id: string;
  type: string;
  name: string;
}

/** A fact about an entity. */
export interface Fact {
  id: string;
  subject: NamedEntity;
  predicate: string;
  /** Null if the fact has a value. */
  object: NamedEntity | null;
  value: unknown;
  many: boolean;
  confidence: number | null;
  source: string;
  memoryId: string | null;
  /** Who recorded it; null for a person or the secret key. */
  agentId: string | null;
  /** The agent to which it belongs. Null if it belongs to the whole tenant. */
  privateTo: string | null;
  validFrom: Date;
  /** When it stopped being true. Null if it is still true. */
  validTo: Date | null;
  recordedAt: Date;
  confirmedAt: Date;
  /** How many times it was recorded again. */
  confirmations: number;
  supersededBy: string | null;
  expiresAt: Date | null;
}

/** An entity: something that facts are about. */
export interface Entity extends NamedEntity {
  description: string;
  /** Its other names. */
  aliases: string[];
  privateTo: string | null;
  createdAt: Date;
  updatedAt: Date;
}

/** How to create or change an entity. */
export interface EntityOptions {
  /** The new name. The old name becomes an alias unless you pass `aliases`. */
  name?: string;
  type?: string;
  /** At most 2,000 characters. */
  description?: string;
  /** At most 50. They replace the existing aliases. */
  aliases?: string[];
  visibility?: "tenant" | "agent";
}

/** Which facts to list. */
export interface ListFacts {
  subject?: EntityName;
  predicate?: string;
  object?: EntityName;
  memoryId?: string;
  /** Facts as they were at this time. Now by default. */
  asOf?: Date;
  /** All facts, including those that have ended. */
  history?: boolean;
  /** Only facts after this one in the list, by its id. */
  before?: string;
  /** 1 to 1,000; 100 by default. */
  limit?: number;
}

/** How far a traversal goes. */
export interface TraverseOptions {
  /** 1 to 3; 1 by default. */
  hops?: 1 | 2 | 3;
  /** Only along these predicates. */
  predicates?: string[];
  /** `out` follows facts from subject to object. `both` by default. */
  direction?: "out" | "in" | "both";
  asOf?: Date;
  /**
   * How many facts to follow from each entity, the most certain and newest first: 1 to 200, 50 by default.
   */
  fanOut?: number;
  /** How many facts in all: 1 to 1,000, 300 by default. */
  limit?: number;
}

/** An entity that a traversal reached. */
export interface ReachedEntity extends Entity {
  /** How many hops from the start. */
  hops: number;
  /** The fact that led to it first. Null at the start. */
  via: string | null;
}

/** The entities and facts around some entities. */
export interface FactGraph<Reached extends ReachedEntity = ReachedEntity> {
  entities: Reached[];
  /** `hop`: the step in which it was found. */
  facts: (Fact & { hop: number })[];
  /** Whether there was more than the limits allow. */
  truncated: boolean;
}

/** An entity that a text names, or one connected to it. */
export interface MentionedEntity extends ReachedEntity {
  /** The name or alias in the text. Null for a connected entity. */
  named: string | null;
}

/** Which facts to return about a text. */
export interface AboutOptions {
  /** Also returns facts that were extracted from these memories. At most 200 ids. */
  memories?: string[];
  /** 1 to 3; 1 by default. */
  hops?: 1 | 2 | 3;
  asOf?: Date;
  /** 1 to 500 facts; 50 by default. */
  limit?: number;
}

/** Options of a recall with facts. */
export interface FactRecallOptions extends RecallOptions {
  facts?: Omit<AboutOptions, "memories">;
}

/** The memories that a recall found, and the facts about entities that the question names. */
export interface FactRecall extends Recall {
  entities: MentionedEntity[];
  facts: (Fact & { hop: number })[];
  /** Whether there were more facts than the limits allow. */
  factsTruncated: boolean;
  /** Why there are no facts although there are memories, for example because the server cannot be reached. */
  factsProblem: string | null;
}
