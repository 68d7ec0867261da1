import { toRequest } from "../approvals/forms.ts";
import type { Result } from "../contract/errors.ts";
import { invalid } from "../contract/invalid.ts";
import { workflowBounds } from "../contract/work-bounds.ts";
import type { AttributeChanges, Attributes } from "../jobs/attributes.ts";
import type { Duration } from "../jobs/duration.ts";
import { seconds, toJob } from "../jobs/forms.ts";
import type { StepWork } from "../jobs/held-job.ts";
import { type ApprovalEnd, asked, type ChildEnd, reported } from "./answers.ts";
import { childFailed, notApproved } from "./errors.ts";
import type { WorkflowRun } from "./run.ts";
import type { Approved, ApproveOptions, ChildOptions, Startable } from "./types.ts";
import { Wait } from "./wait.ts";

/** The first of several waits that finished, with its key. */
export type First<Waits extends Record<string, Wait<unknown>>> = {
  [Key in keyof Waits]: { key: Key; value: Waits[Key] extends Wait<infer T> ? T : never };
}[keyof Waits];

/** How many items of a map run at the same time, unless they are children. */
const atOnce = 8;

/**
 * What a workflow can do. Each of these calls is recorded. If an attempt dies, the next one continues after the
 * last record. Put everything that has an effect into steps, because code between them runs in each attempt.
 */
export class WorkflowContext {
  /** The id of the run. */
  readonly id: string;
  /** The number of this attempt. It also increases with each wait. */
  readonly attempt: number;
  /** Aborted when the lease is lost or the run is cancelled. */
  readonly signalled: AbortSignal;
  readonly #run: WorkflowRun;
  readonly #prefix: string;
  readonly #counts = new Map<string, number>();

  /** @internal */
  constructor(run: WorkflowRun, prefix = "") {
    this.#run = run;
    this.#prefix = prefix;
    this.id = run.job.id;
    this.attempt = run.job.attempt;
    this.signalled = run.job.signal;
  }

  /**
   * Does something once. The result is recorded, and later attempts read this result instead of doing the
   * work again. If the worker dies after the effect but before the result is recorded, the work runs again
   * with the same `idempotencyKey`. If it throws, the attempt fails. If you catch the error, the error is
   * recorded too.
   *
   * @param name unique in the workflow.
   * @throws what the work throws; `workflow_changed` if something else is recorded at this place.
   *
   * @example
   * const page = await ctx.step("fetch", () => fetch(input.url).then((r) => r.text()));
   */
  step<T>(name: string, work: (step: StepWork) => T | Promise<T>): Promise<T> {
    return this.#run.step(this.#name(name), work);
  }

  /**
   * Does the same for each item of a list. If the function returns `ctx.child`, all items run as jobs, on any
   * worker, and the run sleeps until the last has ended. Any other function runs in this process, for 8 items
   * at once. For each item it gets a separate `ctx`, so that the names of its steps differ.
   *
   * @returns the results, in order.
   *
   * @example
   * const pages = await ctx.map("read", input.urls, (url) => ctx.child("summarise", { url }));
   * const sizes = await ctx.map("size", input.urls, (url, each) => each.step("head", () => sizeOf(url)));
   */
  async map<Item, T>(
    name: string,
    items: readonly Item[],
    work: (item: Item, each: WorkflowContext, index: number) => T | PromiseLike<T>,
    { concurrency = atOnce }: { concurrency?: number } = {},
  ): Promise<T[]> {
    const begin = (index: number) => {
      const step = this.#name(`${name}[${index}]`);
      const begun = work(items[index] as Item, new WorkflowContext(this.#run, `${step}.`), index);
      if (begun instanceof Wait) begun.claim(step);
      return begun;
    };
    if (items.length === 0) return [];
    const one = begin(0);
    if (one instanceof Wait && one.plan.job) {
      const others = items.slice(1).map((_, index) => begin(index + 1));
      const all = [one, ...others];
      if (all.every((each) => each instanceof Wait))
        return this.#run.together(this.#name(name), all);
      return Promise.all(all);
    }
    const given: T[] = [];
    let next = 1;
    const lane = async (begun?: T | PromiseLike<T>, index = 0) => {
      if (begun !== undefined) given[index] = await begun;
      while (next < items.length) {
        const at = next++;
        given[at] = await begin(at);
      }
    };
    const lanes = [lane(one), ...Array.from({ length: concurrency - 1 }, () => lane())];
    await Promise.all(lanes);
    return given;
  }

  /**
   * Runs another workflow, or a job, as a child of this run. The child runs once, however often this run is
   * retried. Cancelling this run also cancels the child.
   *
   * @returns its result.
   * @throws `job_failed` if it failed or was cancelled.
   *
   * @example
   * const text = await ctx.child("summarise", { url });
   */
  child<In, Out>(workflow: Startable<In, Out>, input: In, options?: ChildOptions): Wait<Out>;
  child<Out = unknown>(name: string, input?: unknown, options?: ChildOptions): Wait<Out>;
  child<Out>(
    // biome-ignore lint/suspicious/noExplicitAny: the input of any workflow.
    what: string | Startable<any, Out>,
    input?: unknown,
    { as, ...options }: ChildOptions = {},
  ): Wait<Out> {
    const [name, label] = typeof what === "string" ? [what, what] : [what.job, what.name];
    return new Wait<Out>(this.#run, {
      label: () => (as === undefined ? this.#numbered(`child: ${label}`) : this.#name(as)),
      atom: () => ({ child: true }),
      job: (key) => toJob({ name, input, ...options, key }),
      take: (outcome) => {
        const { id, status, result, error } = outcome as ChildEnd;
        if (status !== "succeeded") throw childFailed(label, id, status, error ?? null);
        return (result ?? null) as Out;
      },
    });
  }

  /** Waits for a duration or until a time. A wait of days costs one row and no worker. */
  sleep(time: Duration | Date): Wait<void> {
    return new Wait<void>(this.#run, {
      label: () => this.#numbered("sleep"),
      atom: () => {
        if (time instanceof Date) return { until: time.toISOString() };
        const after = seconds(time);
        if (typeof after !== "number") throw invalid("sleep", 'must be like 90, "90s" or "10m"');
        return { after };
      },
      take: () => undefined,
    });
  }

  /**
   * Waits for a signal from `mayfly.workflows.signal(id, name, payload)`. A signal that arrived earlier is
   * taken at once. Each signal ends one wait, in order.
   *
   * @returns its payload.
   */
  signal<Payload = unknown>(name: string): Wait<Payload> {
    return new Wait<Payload>(this.#run, {
      label: () => this.#numbered(`signal: ${name}`),
      atom: () => {
        if (/^(job|approval):/.test(name))
          throw invalid(
            "signal",
            "must not begin with job: or approval:, which Mayfly uses itself",
          );
        return { signal: name };
      },
      take: (outcome) => (outcome as { payload: Payload }).payload,
    });
  }

  /**
   * Waits for the first of several waits, by the database's time, and records which one it was. The others
   * continue and can be awaited later.
   *
   * @returns its key and its result.
   *
   * @example
   * const first = await ctx.any("wait", { stop: ctx.signal("stop"), go: ctx.sleep("1h") });
   * if (first.key === "stop") return { posted: false };
   */
  any<Waits extends Record<string, Wait<unknown>>>(
    name: string,
    waits: Waits,
  ): Promise<First<Waits>> {
    const of = this.#name(`any: ${name}`);
    for (const [key, wait] of Object.entries(waits)) wait.claim(this.#name(`${name}.${key}`));
    return this.#run.first(of, waits) as Promise<First<Waits>>;
  }

  /**
   * Asks for an approval, and waits for the decision at no cost.
   *
   * @returns the input to use, which a decider may have changed.
   * @throws `approval_rejected`, `approval_expired`. After these errors, do not do anything that needs the
   * approval.
   *
   * @example
   * const { input: final } = await ctx.approve("Publish?", { pages }, { quorum: 2, expiresIn: "30d" });
   */
  approve<Input>(
    title: string,
    input: Input,
    { as, ...options }: ApproveOptions = {},
  ): Wait<Approved<Input>> {
    return new Wait<Approved<Input>>(this.#run, {
      label: () =>
        as === undefined ? this.#numbered(`approve: ${title.slice(0, 100)}`) : this.#name(as),
      atom: async (step) => {
        const { lease, parts } = this.#run.job;
        // A decider may change the input, so from now on the approval is found by its id.
        const name = `${step}: asked`;
        const known = await parts.steps.known(name);
        if (known) return { approval: known.result as string };
        const values = { ...toRequest(title, input, options), lease, step };
        const { id } = or(await parts.door.call("request_approval", values, asked));
        await parts.steps.record({ name, result: id, ms: 0 });
        return { approval: id };
      },
      take: (outcome) => {
        const { id, status, input, reasons, waived } = outcome as ApprovalEnd<Input>;
        if (status !== "approved") throw notApproved(title, id, status, reasons);
        return { id, input, reasons, waived };
      },
    });
  }

  /** Returns the time. It is recorded, so that it is the same for each attempt. */
  async now(): Promise<Date> {
    const at = await this.step(this.#count("now"), () => new Date().toISOString());
    return new Date(at);
  }

  /** Returns a random number from 0 to 1. It is recorded, so that it is the same for each attempt. */
  random(): Promise<number> {
    return this.step(this.#count("random"), () => Math.random());
  }

  /** Reports progress, replacing the last report: `mayfly.workflows.query(id)` shows it. At most 256 KB. */
  async report(value: unknown): Promise<void> {
    const { lease, parts } = this.#run.job;
    or(await parts.door.call("report_workflow", { lease, value: value ?? null }, reported));
  }

  /**
   * Changes the attributes of the run, by which lists find it. Null removes one, and those that are not
   * named stay. The change is recorded, so it is made once, and not again each time the run wakes up.
   *
   * @returns all attributes of the run.
   */
  attributes(changes: AttributeChanges): Promise<Attributes> {
    return this.step(this.#count("attributes"), () => this.#run.job.attributes(changes));
  }

  #name(name: string): string {
    const full = `${this.#prefix}${name}`;
    if (name.length === 0 || full.length > workflowBounds.step)
      throw invalid("step", `must have 1 to ${workflowBounds.step} characters`);
    return full;
  }

  /**
   * The name of a step for which the caller passes none. If several steps have the same name, the second and
   * later ones end in a number.
   */
  #numbered(label: string): string {
    return this.#name(this.#count(label));
  }

  #count(label: string): string {
    const count = (this.#counts.get(label) ?? 0) + 1;
    this.#counts.set(label, count);
    return ["sleep", "now", "random", "attributes"].includes(label)
      ? `${label}: ${count}`
      : count === 1
        ? label
        : `${label} ${count}`;
  }
}

function or<T>({ data, error }: Result<T>): T {
  if (error) throw error;
  return data as T;
}
