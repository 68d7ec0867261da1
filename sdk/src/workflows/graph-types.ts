import type { HeldJob } from "../jobs/held-job.ts";
import type { JobSchema, OutOf } from "../jobs/kinds.ts";
import type { JobOptions } from "../jobs/types.ts";
import type { Startable } from "./types.ts";

/** Options of the job of a step, the same as for any job. */
export type StepOptions = Omit<JobOptions, "key" | "answers" | "runAt" | "trace">;

/** A step of a graph, with any input and result. */
export interface StepShape extends StepOptions {
  /**
   * Steps that have to end first. This step gets their results. If one of them was skipped, it is skipped
   * too.
   */
  needs?: readonly string[];
  /** Steps that it also waits for. Their results are null if they were skipped. */
  optional?: readonly string[];
  /**
   * A list. The step runs once for each of its items. The list is `"input"` or the result of a needed step,
   * with or without a path: `"input.urls"`, `"list"`.
   */
  map?: string;
  /** A condition in SQL/JSON path: `"$.check.score > 5"`. If it is not true, the step is skipped. */
  when?: string;
  /** A schema for its result, which is also the type of the result. */
  result?: JobSchema;
  /**
   * By default, a failure fails the run. With `"skip"`, the run continues as if the step had been skipped.
   * In a map, the result of the failed item is then null.
   */
  onFailure?: "fail" | "skip";
  /** Another workflow or a job, by name, instead of code. */
  // biome-ignore lint/suspicious/noExplicitAny: of any workflow.
  child?: string | Startable<any, any>;
  /** The input of the child: a reference as in `map`. `{}` by default, or the item of a map. */
  input?: string;
}

/** A value at a path such as `"input.urls"`. */
export type At<Value, Path> = Path extends `${infer Key}.${infer Rest}`
  ? Key extends keyof Value
    ? At<Value[Key], Rest>
    : never
  : Path extends keyof Value
    ? Value[Path]
    : never;

type ItemOf<List> = List extends readonly (infer Item)[] ? Item : unknown;

/** The result of a step, as its schema or its child defines it. For a map, a list of these. */
export type GivesOf<Step> = Step extends { map: string } ? OneOf<Step>[] : OneOf<Step>;
type OneOf<Step> = Step extends { onFailure: "skip"; map: string }
  ? Plain<Step> | null
  : Plain<Step>;
type Plain<Step> = Step extends { result: infer Schema }
  ? OutOf<Schema>
  : Step extends { child: Startable<infer _, infer Out> }
    ? Out
    : unknown;

type Names<List> = List extends readonly (infer Name)[] ? Name & string : never;
type NeedsOf<Step> = Step extends { needs: infer List } ? Names<List> : never;
type OptionalOf<Step> = Step extends { optional: infer List } ? Names<List> : never;

/** The results of all steps, and the input, as references see them. */
type Seen<Input, Steps, Step> = { input: Input } & {
  [Name in NeedsOf<Step> & keyof Steps]: GivesOf<Steps[Name]>;
} & { [Name in OptionalOf<Step> & keyof Steps]: GivesOf<Steps[Name]> | null };

/** The arguments of a step's code. */
export type GivenTo<Input, Steps, Step> = Seen<Input, Steps, Step> &
  (Step extends { map: infer Path }
    ? { item: ItemOf<At<Seen<Input, Steps, Step>, Path>>; index: number }
    : unknown);

/** A step that needs only steps of this graph. */
export type Fitting<Steps> = {
  [Name in keyof Steps]: {
    needs?: readonly Exclude<keyof Steps & string, Name>[];
    optional?: readonly Exclude<keyof Steps & string, Name>[];
  };
};

/** Steps without a child. Each needs code. */
type Own<Steps> = {
  [Name in keyof Steps]: Steps[Name] extends { child: unknown } ? never : Name;
}[keyof Steps];

/** The code of all steps that are not children. */
export type StepCode<Input, Steps> = {
  [Name in Own<Steps>]: (
    given: GivenTo<Input, Steps, Steps[Name]>,
    job: HeldJob,
  ) => Plain<Steps[Name]> | Promise<Plain<Steps[Name]>>;
};

/** The result of every step of a graph. Null if it was skipped. */
export type ResultsOf<Steps> = { [Name in keyof Steps]: GivesOf<Steps[Name]> | null };
