import type { AgentBlueprint } from "../agents/spawn.ts";
import type { Budget, BudgetOptions } from "../costs/types.ts";
import type { Duration } from "../jobs/duration.ts";
import type { NewJob } from "../jobs/types.ts";

/** Agents of one role in a team. */
export interface TeamRole extends Omit<AgentBlueprint, "renew"> {
  /** 1 by default. */
  count?: number;
  /** A pool of names for them. */
  names?: string[];
  /** Only in a team without a deadline: lives on for as long as its process renews its token. */
  renew?: boolean;
}

/** What a team may spend. At least one of the limits. */
export type TeamBudget = Pick<BudgetOptions, "hardUsd" | "softUsd" | "hardTokens">;

/** What a team is spawned with, beside its name. */
export interface TeamOptions {
  /** Who leads: a type, or more than that. Its role is `lead`. A team can do without. */
  lead?: string | Omit<TeamRole, "count">;
  /** By their roles: how many, or more than that. Without a type of their own, the role is their type. */
  members?: Record<string, number | TeamRole>;
  /** What the team is there for. */
  task?: string;
  /** No member lives longer. */
  deadline?: Duration;
  /** What its members, and all that they spawn, may spend together. */
  budget?: TeamBudget;
  /** Whether the members get a channel of their own; true by default. */
  channel?: boolean;
  metadata?: Record<string, unknown>;
}

/** A member as it is by now. */
export interface TeamMember {
  id: string;
  name: string;
  type: string;
  role: string;
  status: "running" | "suspended" | "stopped" | "expired";
  activity: string;
  joinedAt: Date;
}

/** A team as it is by now. */
export interface Team {
  id: string;
  name: string;
  task: string | null;
  status: "running" | "ended";
  /** The id of the member that leads. */
  lead: string | null;
  /** The name of its channel. */
  channel: string | null;
  /** With what was spent; null where it has none. */
  budget: Budget | null;
  /** How many alerts are open. */
  alerts: number;
  deadline: Date | null;
  metadata: Record<string, unknown>;
  createdBy: string | null;
  createdAt: Date;
  endedAt: Date | null;
  endReason: string | null;
  /** How many members live. */
  living: number;
  members: TeamMember[];
}

/** Which teams are listed. */
export interface ListTeams {
  status?: Team["status"];
  /** Behind the last of the page before, by its id. */
  before?: string;
  /** 100 by default, at most 1,000. */
  limit?: number;
}

/**
 * When a poll is decided. `majority`: more than half of the ballots. `unanimous`: all of them.
 * `weighted`: more weight than any other option. `first_valid`: the first ballot.
 */
export type PollRule = "majority" | "unanimous" | "weighted" | "first_valid";

/** How a poll is opened, beside its question. */
export interface PollOptions {
  /** 2 to 50; yes and no by default. */
  options?: string[];
  /** `majority` by default. */
  rule?: PollRule;
  /** Who may vote, by their ids, or with a weight under the rule `weighted`. */
  voters?: (string | { id: string; weight: number })[];
  /** The living members of this team may vote. Without it and `voters`, everybody with `team:vote`. */
  team?: string;
  /** Closes with that many ballots, and decides nothing with fewer. */
  quorum?: number;
  /** Closes after that time at the latest; 5 minutes by default. */
  within?: Duration;
  /** The same caller finds the same poll again by it. */
  key?: string;
  /** Of the job that opens it, which gets the signal `poll:<id>` with the outcome. */
  lease?: string;
}

/** What came out of a poll. */
export interface PollOutcome {
  result:
    | "decided"
    | "no_ballots"
    | "no_quorum"
    | "no_majority"
    | "not_unanimous"
    | "tie"
    | "cancelled";
  winner: string | null;
  /** How many ballots were cast. */
  ballots: number;
  /** By option. */
  counts: Record<string, { ballots: number; weight: number }>;
}

/** What one voter has said. */
export interface Ballot {
  voter: string;
  choice: string;
  reason: string | null;
  weight: number;
  castAt: Date;
}

/** A question, and once it is closed what came out. */
export interface Poll {
  id: string;
  /** The id of its team. */
  team: string | null;
  question: string;
  options: string[];
  rule: PollRule;
  quorum: number | null;
  voters: string[] | null;
  deadline: Date;
  status: "open" | "closed" | "cancelled";
  outcome: PollOutcome | null;
  /** Null until it is closed. */
  ballots: Ballot[] | null;
  createdBy: string | null;
  createdAt: Date;
  closedAt: Date | null;
}

/** How work is offered for bids. */
export interface TenderOptions {
  /** What a bidder has to be able to do. */
  capabilities?: string[];
  /** `lowest_price` by default. */
  rule?: "lowest_price" | "highest_score";
  /** Bids above it do not win. */
  maxPrice?: number;
  /** Only its members may bid; awarded when each that lives has. */
  team?: string;
  /** Awarded after that time at the latest; a minute by default. */
  within?: Duration;
}

/** What an agent bids. */
export interface BidOptions {
  /** What it takes for it, in whatever unit the team reckons. */
  price: number;
  /** How well it says that it will do it, 0 to 1; 1 by default. */
  score?: number;
  note?: string;
}

/** What one agent has bid. */
export interface Bid {
  agent: string;
  price: number;
  score: number;
  note: string | null;
  madeAt: Date;
}

/** Offered work, and once it is over who got it. */
export interface Tender {
  id: string;
  team: string | null;
  job: Record<string, unknown>;
  capabilities: string[];
  rule: "lowest_price" | "highest_score";
  maxPrice: number | null;
  deadline: Date;
  /** `failed`: no bid could win. */
  status: "open" | "awarded" | "failed" | "cancelled";
  /** The job that the winner got. */
  jobId: string | null;
  winner: string | null;
  /** Null until it is over. */
  bids: Bid[] | null;
  createdBy: string | null;
  createdAt: Date;
  closedAt: Date | null;
}

/** Work that is given to one agent or offered for bids: a job without a target. */
export type Task = Omit<NewJob, "target" | "answers">;

/** Who may be given a job. */
export interface AssignOptions {
  capabilities?: string[];
  /** A type of agents. */
  type?: string;
  /** The id of a team. */
  team?: string;
  /** Only to one that has at most so many jobs; 0 is idle. */
  maxLoad?: number;
}

/** Who got a job. */
export interface Assigned {
  job: string;
  agent: string;
  /** Whether the key of the job was known, and it is assigned already. */
  existing: boolean;
  /** How many jobs the agent had before. */
  load?: number;
  /** How well its type has done this kind of work, 0 to 1; a half where nothing is known. */
  record?: number;
}

/** What a rating has made of a record. */
export interface Rated {
  job: string;
  agent: string;
  type: string;
  /** The kind of work: the name of the job. */
  work: string;
  reward: number;
  /** How often the type was rated for this kind of work. */
  rated: number;
  record: number;
}
