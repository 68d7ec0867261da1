import type { AgentBlueprint } from "../agents/spawn.ts";
import type { Budget, BudgetOptions } from "../costs/types.ts";
import type { Duration } from "../jobs/duration.ts";
import type { NewJob } from "../jobs/types.ts";

/** Agents of one role in a team. */
export interface TeamRole extends Omit<AgentBlueprint, "renew"> {
  /** 1 by default. */
  count?: number;
  /** A pool of names for these agents. */
  names?: string[];
  /**
   * Whether the agents live as long as their process renews their token. Only in a team without a deadline.
   */
  renew?: boolean;
}

/** How much a team may spend. It needs at least one of the limits. */
export type TeamBudget = Pick<BudgetOptions, "hardUsd" | "softUsd" | "hardTokens">;

/** Options of a team, besides its name. */
export interface TeamOptions {
  /** The lead: a type, or more options. Its role is `lead`. A team can have none. */
  lead?: string | Omit<TeamRole, "count">;
  /**
   * The members of each role: how many, or more options. The role is their type unless you set another.
   */
  members?: Record<string, number | TeamRole>;
  /** The task of the team. */
  task?: string;
  /** No member lives longer than this. */
  deadline?: Duration;
  /** How much its members and their descendants may spend together. */
  budget?: TeamBudget;
  /** Whether the members get their own channel. True by default. */
  channel?: boolean;
  metadata?: Record<string, unknown>;
}

/** A member as it is now. */
export interface TeamMember {
  id: string;
  name: string;
  type: string;
  role: string;
  status: "running" | "suspended" | "stopped" | "expired";
  activity: string;
  joinedAt: Date;
}

/** A team as it is now. */
export interface Team {
  id: string;
  name: string;
  task: string | null;
  status: "running" | "ended";
  /** The id of the lead. */
  lead: string | null;
  /** The name of its channel. */
  channel: string | null;
  /** The budget, with what was spent. Null if the team has no budget. */
  budget: Budget | null;
  /** How many alerts are open. */
  alerts: number;
  deadline: Date | null;
  metadata: Record<string, unknown>;
  createdBy: string | null;
  createdAt: Date;
  endedAt: Date | null;
  endReason: string | null;
  /** How many members are alive. */
  living: number;
  members: TeamMember[];
}

/** Which teams to list. */
export interface ListTeams {
  status?: Team["status"];
  /** The last id of the previous page. */
  before?: string;
  /** 100 by default, at most 1,000. */
  limit?: number;
}

/**
 * How a poll is decided. `majority`: more than half of the ballots. `unanimous`: all of them. `weighted`:
 * more weight than any other option. `first_valid`: the first ballot.
 */
export type PollRule = "majority" | "unanimous" | "weighted" | "first_valid";

/** Options of a poll, besides its question. */
export interface PollOptions {
  /** 2 to 50 options. Yes and no by default. */
  options?: string[];
  /** `majority` by default. */
  rule?: PollRule;
  /** The ids of the voters. For the rule `weighted`, also their weights. */
  voters?: (string | { id: string; weight: number })[];
  /**
   * The living members of this team may vote. Without `team` and `voters`, everybody with `team:vote` may
   * vote.
   */
  team?: string;
  /** The poll closes when it has this many ballots. With fewer ballots, it decides nothing. */
  quorum?: number;
  /** Closes after this time at the latest. 5 minutes by default. */
  within?: Duration;
  /** If the same caller uses the same key again, it gets the same poll. */
  key?: string;
  /** The lease of the job that opens the poll. The job gets the signal `poll:<id>` with the outcome. */
  lease?: string;
}

/** The outcome of a poll. */
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
  /** Ballots, or weights, by option. */
  counts: Record<string, { ballots: number; weight: number }>;
}

/** The ballot of one voter. */
export interface Ballot {
  voter: string;
  choice: string;
  reason: string | null;
  weight: number;
  castAt: Date;
}

/** A poll, and its outcome once it is closed. */
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

/** Options of a tender. */
export interface TenderOptions {
  /** The capabilities that a bidder needs. */
  capabilities?: string[];
  /** `lowest_price` by default. */
  rule?: "lowest_price" | "highest_score";
  /** Bids with a higher price do not win. */
  maxPrice?: number;
  /** Only members of this team may bid. The tender is awarded when every living member has bid. */
  team?: string;
  /** The tender is awarded after this time at the latest. One minute by default. */
  within?: Duration;
}

/** A bid. */
export interface BidOptions {
  /** The price, in any unit that the team uses. */
  price: number;
  /** How well the bidder expects to do the job, 0 to 1. 1 by default. */
  score?: number;
  note?: string;
}

/** The bid of one agent. */
export interface Bid {
  agent: string;
  price: number;
  score: number;
  note: string | null;
  madeAt: Date;
}

/** A tender, and who got the work once it is over. */
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
  /** Null until the tender is over. */
  bids: Bid[] | null;
  createdBy: string | null;
  createdAt: Date;
  closedAt: Date | null;
}

/** A job that is assigned to an agent or offered for bids. It has no target. */
export type Task = Omit<NewJob, "target" | "answers">;

/** Who may get a job. */
export interface AssignOptions {
  capabilities?: string[];
  /** A type of agents. */
  type?: string;
  /** The id of a team. */
  team?: string;
  /** Only an agent with at most this many jobs. With 0, only an idle agent. */
  maxLoad?: number;
}

/** The agent that got a job. */
export interface Assigned {
  job: string;
  agent: string;
  /** Whether a job with this key already existed, so that it was already assigned. */
  existing: boolean;
  /** How many jobs the agent had before. */
  load?: number;
  /** How well its type has done this kind of work, 0 to 1. 0.5 if nothing is known. */
  record?: number;
}

/** The record after a rating. */
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
