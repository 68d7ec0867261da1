import type { ApprovalOptions } from "../approvals/types.ts";
import type { JobSchema } from "../jobs/kinds.ts";
import type { JobHandlers } from "../jobs/local-job.ts";
import type { JobError, JobOptions, JobStatus } from "../jobs/types.ts";

/** What runs can be started of: a {@link Workflow} or a {@link Graph}. */
export interface Startable<In = unknown, Out = unknown> {
  readonly name: string;
  readonly version: string;
  /** The name of its jobs: `workflow:<name>:<version>`. */
  readonly job: string;
  /** What its input has to fit. */
  readonly input: JobSchema<unknown, In> | undefined;
  /** Of one that is declared. */
  readonly graph?: GraphDefinition;
  /** Of the types alone. @internal */
  readonly gives?: Out;
}

/** A workflow: what {@link workflow} gives. */
export interface Workflow<In = unknown, Out = unknown> extends Startable<In, Out> {
  /** For `agent.work`, `mayfly.jobs.work` and `serveJobs`: spread them beside others. */
  readonly handlers: JobHandlers;
}

/** A graph as it is kept: JSON. */
export interface GraphDefinition {
  steps: Record<string, GraphStep>;
  result?: string;
}

/** A step of a graph as it is kept. */
export interface GraphStep {
  needs?: string[];
  optional?: string[];
  map?: string;
  when?: string;
  input?: string;
  /** Of a child: the name of its jobs. */
  job?: string;
  on_failure?: "skip";
  /** Of its job. */
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
  /** How many. */
  steps: number;
  setAt: Date;
}

/** A run of a workflow. */
export interface WorkflowInfo {
  id: string;
  /** Of the workflow, and its version. */
  name: string;
  version: string;
  status: JobStatus;
  attempt: number;
  key?: string;
  parentId?: string;
  /** The agent or person that has it, or had it last. */
  holder?: string;
  createdBy?: string;
  createdAt: Date;
  startedAt?: Date;
  finishedAt?: Date;
  /** Why it failed, or what its last failed attempt said. */
  error?: JobError;
  /** Somebody has cancelled it, and its worker does not know yet. */
  cancelled?: boolean;
  /** When it goes on by itself. */
  wakesAt?: Date;
  /** The signals that it waits for: of a child `job:<id>`, of an approval `approval:<id>`. */
  waitsFor?: string[];
}

/** How far a run is. */
export interface WorkflowQuery<Report = unknown, Output = unknown> extends WorkflowInfo {
  input: unknown;
  /** Null until it has succeeded. */
  result: Output | null;
  /** What `ctx.report` said last; null before. */
  report: Report | null;
  /** How many are recorded. */
  steps: number;
  /** How many children stand where. */
  children: Partial<Record<JobStatus, number>>;
  /** The questions that nobody has decided; empty without `approval:read`. */
  approvals: { id: string; title: string; category: string }[];
}

/** What a checkpoint is of. */
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

/** Something that a run has recorded. */
export interface Checkpoint {
  /** Rises with each. */
  seq: number;
  name: string;
  kind: CheckpointKind;
  result: unknown;
  /** Of the run, when it was recorded. */
  attempt: number;
  /** How long the step took. */
  ms: number | null;
  at: Date;
}

/** Which runs to list. */
export interface ListWorkflows {
  name?: string;
  /** Needs the name. */
  version?: string;
  status?: JobStatus | JobStatus[];
  /** The last id of the page before. */
  before?: string;
  /** 100 by default, 1,000 at most. */
  limit?: number;
}

/** How a run is moved to another version. */
export interface MoveOptions {
  version: string;
  /** Recorded names, and those that this version asks for. */
  rename?: Record<string, string>;
  /** Recorded names that are deleted: done again where this version asks for them. */
  forget?: string[];
}

/** How a child is added. */
export interface ChildOptions extends Omit<JobOptions, "key" | "answers"> {
  /** Its name among the children of the run: that of the job by default, with a number from the second one on. */
  as?: string;
}

/** How an approval is asked for. */
export interface ApproveOptions extends ApprovalOptions {
  /** Its name in the run: the title by default. */
  as?: string;
}

/** What was approved. */
export interface Approved<Input = unknown> {
  /** Of the approval. */
  id: string;
  /** What to act on: a decider may have changed it. */
  input: Input;
  reasons: string[];
  /** Why nobody was asked; null where somebody was. */
  waived: string | null;
}
