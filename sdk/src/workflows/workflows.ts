import { failed, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import { instantOf } from "../contract/invalid.ts";
import { toWhere } from "../jobs/attributes.ts";
import type { Jobs } from "../jobs/jobs.ts";
import { fit } from "../jobs/kinds.ts";
import type { AddedJob, JobOptions } from "../jobs/types.ts";
import type { Link } from "../link/link.ts";
import {
  historyPage,
  movedRow,
  toCheckpoint,
  toWorkflow,
  workflowRow,
  workflowRows,
} from "./answers.ts";
import { Graphs } from "./graphs.ts";
import type {
  Checkpoint,
  ListWorkflows,
  MoveOptions,
  Startable,
  WorkflowInfo,
  WorkflowQuery,
} from "./types.ts";

/** Runs of workflows: start them, signal them, see their progress. */
export class Workflows {
  /** Workflows that are declared as graphs. */
  readonly graphs: Graphs;
  readonly #link: Link;
  readonly #jobs: Jobs;

  /** @internal */
  constructor(link: Link, jobs: Jobs) {
    this.#link = link;
    this.#jobs = jobs;
    this.graphs = new Graphs(link);
  }

  /**
   * Starts a run. A worker that has the workflow's handlers executes it: `agent.work(publish.handlers)`.
   * Needs `job:add`. A graph is first stored under its name and version.
   *
   * @param options the same as for a job. If there is already a run with this `key`, no other is started.
   * @returns the id of the run. Errors: `invalid_request` with the path of the value that does not match.
   *
   * @example
   * const { data: run } = await mayfly.workflows.start(publish, { urls }, { key: "monday" });
   */
  async start<In>(
    workflow: Startable<In, unknown>,
    input: In,
    options: JobOptions = {},
  ): Promise<Result<AddedJob>> {
    const checked = await fit(workflow.input, input, "input");
    if (checked.error) return failed(checked.error);
    const kept = await this.graphs.setOnce(workflow);
    if (kept.error) return failed(kept.error);
    // Add the input as it was passed: the run validates it again, and a schema may change what it validates.
    return this.#jobs.add(workflow.job, input, options);
  }

  /**
   * Signals a run. If it waits for the signal it continues, otherwise the signal is kept. Needs `job:add`.
   *
   * @returns `job_unknown`, `job_finished`.
   */
  signal(id: string, name: string, payload: unknown = null): Promise<Result<{ woken: boolean }>> {
    return this.#jobs.signal(id, name, payload);
  }

  /**
   * Reads the progress of a run: its report, what it waits for, its children and open approvals. Needs
   * `job:read`.
   */
  async query<Report = unknown, Output = unknown>(
    id: string,
  ): Promise<Result<WorkflowQuery<Report, Output>>> {
    const answer = await this.#link.rpc("query_workflow", { id: idOf(id) }, workflowRow);
    return answer.error ? answer : ok(toWorkflow<WorkflowQuery<Report, Output>>(answer.data));
  }

  /**
   * Reads what a run, or any other job, has recorded, in order.
   *
   * @param options `after`: the `seq` of the last checkpoint that you have. `limit`: 1,000 by default,
   * 5,000 at most.
   *
   * @example
   * const { data } = await mayfly.workflows.history(id);
   * for (const { seq, name, kind, result } of data?.checkpoints ?? []) console.log(seq, kind, name, result);
   */
  async history(
    id: string,
    { after, limit }: { after?: number; limit?: number } = {},
  ): Promise<Result<{ checkpoints: Checkpoint[]; more: boolean }>> {
    const values = {
      id: idOf(id),
      ...(after !== undefined && { after }),
      ...(limit !== undefined && { page_limit: limit }),
    };
    const answer = await this.#link.rpc("workflow_history", values, historyPage);
    if (answer.error) return answer;
    const { checkpoints, more } = answer.data;
    return ok({ checkpoints: checkpoints.map(toCheckpoint), more });
  }

  /** Lists runs, newest first. Needs `job:read`. */
  async list(options: ListWorkflows = {}): Promise<Result<WorkflowInfo[]>> {
    const { name, version, status, since, until, before, limit } = options;
    const where = toWhere(options.where);
    if (where.error) return where;
    const values = {
      ...(name !== undefined && { of_name: name }),
      ...(version !== undefined && { of_version: version }),
      ...(status && { of_status: [status].flat() }),
      ...where.data,
      ...(since && { since: instantOf(since) }),
      ...(until && { until: instantOf(until) }),
      ...(before && { before: idOf(before) }),
      ...(limit !== undefined && { page_limit: limit }),
    };
    const answer = await this.#link.rpc("list_workflows", values, workflowRows);
    return answer.error ? answer : ok(answer.data.map((one) => toWorkflow<WorkflowInfo>(one)));
  }

  /** Cancels runs with their children: see {@link Jobs.cancel}. */
  cancel(ids: string | string[]): Promise<Result<{ cancelled: number; cancelling: number }>> {
    return this.#jobs.cancel(ids);
  }

  /**
   * Moves a run to another version, where it continues after what it has recorded. A failed run starts again.
   * You need `job:add` for your own runs, and `job:admin` for failed runs and those of others.
   *
   * @returns `workflow_unknown`, `job_finished`, `invalid_request` for a name that it has not recorded.
   *
   * @example
   * await mayfly.workflows.move(id, { version: "2", rename: { pay: "charge" }, forget: ["mail"] });
   */
  move(
    id: string,
    { version, rename, forget }: MoveOptions,
  ): Promise<Result<{ id: string; name: string; version: string; from: string }>> {
    const values = {
      id: idOf(id),
      to_version: version,
      ...(rename && { renamed: rename }),
      ...(forget && { forgotten: forget }),
    };
    return this.#link.rpc("move_workflow", values, movedRow);
  }
}
