/** An agent as the database returns it. */
export interface AgentRow {
  id: string;
  tenant_id: string;
  name: string;
  type: string;
  type_version: number | null;
  parent_id: string | null;
  depth: number;
  capabilities: string[];
  scopes: string[];
  status: "running" | "suspended" | "stopped" | "expired";
  task: string | null;
  spawned_at: string;
  expires_at: string;
  stopped_at: string | null;
  stop_reason: string | null;
  metadata: Record<string, unknown>;
}

/** A version of a type of agents. */
export interface AgentTypeRow {
  name: string;
  version: number;
  role: string;
  description: string;
  prompt: string;
  capabilities: string[];
  scopes: string[] | null;
  /** In the form in which Postgres prints an interval: `00:05:00`. */
  lifetime: string | null;
  max_lifetime: string | null;
  max_living: number | null;
  metadata: Record<string, unknown>;
  created_at: string;
}

/** What `POST /spawn` and `POST /spawn/renew` return. */
export interface Issued {
  agent: AgentRow;
  /** The agent's type, if the tenant has defined it. */
  type: AgentTypeRow | null;
  token: string;
  token_expires_at: string;
  renewal_secret: string;
  /** Whether somebody wants its debug records. */
  watched: boolean;
}
