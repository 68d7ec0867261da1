import { deleted } from "../contract/answer-form.ts";
import { ok, type Result } from "../contract/errors.ts";
import type { Link } from "../link/link.ts";
import { graphRow, graphRows, setRow } from "./answers.ts";
import type { GraphDefinition, GraphInfo, ListedGraph, Startable } from "./types.ts";

/** Workflows that are declared as graphs, which the tenant stores by name and version. */
export class Graphs {
  readonly #link: Link;
  readonly #set = new Set<object>();

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * Stores a graph under its name and version. `workflows.start` and workers call this for you.
   * Repeating it changes nothing. Needs `job:add`; replacing a graph without active runs needs
   * `job:admin`.
   *
   * @returns `workflow_changed` if another graph with this version has active runs; `invalid_request` with
   * the step.
   */
  async set({
    name,
    version,
    graph,
  }: Pick<Startable, "name" | "version" | "graph">): Promise<
    Result<{ name: string; version: string; setAt: Date }>
  > {
    const answer = await this.#link.rpc(
      "set_graph",
      { name, version, graph: graph as never },
      setRow,
    );
    if (answer.error) return answer;
    const { set_at, ...kept } = answer.data;
    return ok({ ...kept, setAt: new Date(set_at) });
  }

  /**
   * Stores each graph once in this process.
   *
   * @internal
   */
  async setOnce(workflow: Startable): Promise<Result<unknown>> {
    if (!workflow.graph || this.#set.has(workflow)) return ok(null);
    const answer = await this.set(workflow);
    if (!answer.error) this.#set.add(workflow);
    return answer;
  }

  /**
   * Reads a version of a graph, by default the one that was set last. Needs `job:read`.
   *
   * @returns `workflow_unknown`.
   */
  async get(name: string, version?: string): Promise<Result<GraphInfo>> {
    const values = { name, ...(version !== undefined && { version }) };
    const answer = await this.#link.rpc("get_graph", values, graphRow);
    if (answer.error) return answer;
    const { set_at, set_by, graph, ...kept } = answer.data;
    return ok({
      ...kept,
      graph: graph as unknown as GraphDefinition,
      setBy: typeof set_by === "string" ? set_by : null,
      setAt: new Date(set_at),
    });
  }

  /** Lists the graphs of the tenant, or the versions of one, newest first. Needs `job:read`. */
  async list({ name }: { name?: string } = {}): Promise<Result<ListedGraph[]>> {
    const answer = await this.#link.rpc("list_graphs", name ? { of_name: name } : {}, graphRows);
    if (answer.error) return answer;
    return ok(answer.data.map(({ set_at, ...one }) => ({ ...one, setAt: new Date(set_at) })));
  }

  /** Deletes a version without active runs. Needs `job:admin`. */
  delete(name: string, version: string): Promise<Result<{ deleted: boolean }>> {
    return this.#link.rpc("delete_graph", { name, version }, deleted) as Promise<
      Result<{ deleted: boolean }>
    >;
  }
}
