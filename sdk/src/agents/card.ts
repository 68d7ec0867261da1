import { type FromRow, fromRow } from "../link/rows.ts";
import type { AgentRow } from "./issued.ts";

/** @internal */
export interface CardRow {
  id: string;
  name: string;
  type: string;
  type_version: number | null;
  role: string | null;
  capabilities: string[];
  scopes: string[];
  status: AgentRow["status"];
  activity: Activity;
  task: string | null;
  parent: string | null;
  depth: number;
  /** How many of its children are alive. */
  children: number;
  /** Seconds until it ends unless it is renewed. 0 if it has ended. */
  seconds_left: number;
  spawned_at: string;
  expires_at: string;
  last_seen_at: string | null;
  stopped_at: string | null;
  stop_reason: string | null;
  suspend_reason: string | null;
  metadata: Record<string, unknown>;
}

/** What an agent is doing. */
export type Activity =
  | "idle"
  | "thinking"
  | "executing"
  | "waiting_input"
  | "waiting_approval"
  | "waiting_review"
  | "blocked";

/**
 * An agent as others see it.
 *
 * @interface
 */
export type AgentCard = FromRow<CardRow>;

/** An agent with its children and their children. */
export type AgentTree = Omit<AgentCard, "children"> & { children: AgentTree[] };

/** @internal */
export type TreeRow = Omit<CardRow, "children"> & { children: TreeRow[] };

export function treeFromRow({ children, ...row }: TreeRow): AgentTree {
  return { ...fromRow(row), children: children.map(treeFromRow) };
}
