import type { ApprovalOptions } from "../approvals/types.ts";
import type { Attributes, Where } from "../jobs/attributes.ts";
import type { JobSchema } from "../jobs/kinds.ts";
import type { JobHandlers } from "../jobs/local-job.ts";
import type { JobError, JobOptions, JobStatus } from "../jobs/types.ts";

/** What you can start a run of: a {@link Workflow} or a {@link Graph}. */
export interface Startable<In = unknown, Out = unknown> {
  readonly name: string;
  readonly version: string;
  /** The name of its jobs: `workflow:<name>:<version>`. */
  readonly job: string;
  /** The schema of its input. */
  readonly input: JobSchema<unknown, In> | undefined;
  /** Its steps, if it is declared as a graph. */
  readonly graph?: GraphDefinition;
  /** Exists only in the types. @internal */
  readonly gives?: Out;
}

/** A workflow, as {@link workflow} returns it. */
export interface Workflow<In = unknown, Out = unknown> extends Startable<In, Out> {
  /**
   * Handlers for `agent.work`, `mayfly.jobs.work` and `serveJobs`. You can spread them into an object with
   * other handlers.
   */
  readonly handlers: JobHandlers;
}

/** A stored graph, as JSON. */
export interface GraphDefinition {
  steps: Record<string, GraphStep>;
  result?: string;
}

/** A step of a stored graph. */
export interface GraphStep {
  needs?: string[];
  optional?: string[];
  map?: string;
  when?: string;
  input?: string;
  /** The job name of a child. */
  job?: string;
  on_failure?: "skip";
  /** Options of its job. */
  options?: object;
}

/** A graph with its name, and who set it. */
export interface GraphInfo {
  name: string;
  version: string;
  graph: GraphDefinition;
  setBy: string | null;
  setAt: Date;
}

/** A graph in a list. */
export interface ListedGraph {
  name: string;
  version: string;
  /** How many steps it has. */
  steps: number;
  setAt: Date;
}

/** A run of a workflow. */
export interface WorkflowInfo {
  id: string;
  /** The name and version of the workflow. */
  name: string;
  version: string;
  status: JobStatus;
  attempt: number;
  key?: string;
  parentId?: string;
  /** The agent or person that holds it, or held it last. */
  holder?: string;
  createdBy?: string;
  createdAt: Date;
  startedAt?: Date;
  finishedAt?: Date;
  /** Why it failed, or the error of its last failed attempt. */
  error?: JobError;
  /** Whether it was cancelled, but its worker does not know this yet. */
  cancelled?: boolean;
  attributes?: Attributes;
  /** When it continues even without a signal. */
  wakesAt?: Date;
  /** The signals for which it waits: `job:<id>` for a child, `approval:<id>` for an approval. */
  waitsFor?: string[];
}

/** The progress of a run. */
export interface WorkflowQuery<Report = unknown, Output = unknown> extends WorkflowInfo {
  input: unknown;
  /** Null until it has succeeded. */
  result: Output | null;
  /** What the last `ctx.report` reported. Null before the first report. */
  report: Report | null;
  /** How many checkpoints are recorded. */
  steps: number;
  /** How many children have each status. */
  children: Partial<Record<JobStatus, number>>;
  /** Pending approvals. Empty without `approval:read`. */
  approvals: { id: string; title: string; category: string }[];
}

/** What kind of checkpoint it is. */
export type CheckpointKind =
  | "step"
  | "signal"
  | "sleep"
  | "timer"
  | "asked"
  | "begun"
  | "child"
  | "approve"
  | "any"
  | "now"
  | "random"
  | "report";

/** Something that a run recorded. */
export interface Checkpoint {
  /** Increases with each checkpoint. */
  seq: number;
  name: string;
  kind: CheckpointKind;
  result: unknown;
  /** The attempt of the run that recorded it. */
  attempt: number;
  /** How long the step took. */
  ms: number | null;
  at: Date;
}

/** Which runs to list. */
export interface ListWorkflows {
  name?: string;
  /** Only with `name`. */
  version?: string;
  status?: JobStatus | JobStatus[];
  /** Only runs with these attributes: `{ customer: "acme" }` or `customer:acme`. An index finds them. */
  where?: Where;
  /** Only those that were started at this time or later. */
  since?: Date;
  /** Only those that were started before this time. */
  until?: Date;
  /** The last id of the previous page. */
  before?: string;
  /** 100 by default, 1,000 at most. */
  limit?: number;
}

/** Options for moving a run to another version. */
export interface MoveOptions {
  version: string;
  /** For each recorded name that changes, its name in this version. */
  rename?: Record<string, string>;
  /** Recorded names to delete. They are executed again if this version asks for them. */
  forget?: string[];
}

/** Options of a child. */
export interface ChildOptions extends Omit<JobOptions, "key" | "answers"> {
  /**
   * The child's name in the run. By default, it is the name of the job. A second child with that name, and
   * each later one, gets a number.
   */
  as?: string;
}

/** Options of an approval. */
export interface ApproveOptions extends ApprovalOptions {
  /** The name of the approval in the run. Its title by default. */
  as?: string;
}

/** An approval that was given. */
export interface Approved<Input = unknown> {
  /** The id of the approval. */
  id: string;
  /** The input to use, which a decider may have changed. */
  input: Input;
  reasons: string[];
  /** Why nobody was asked. Null if somebody was. */
  waived: string | null;
}
