import type { HeldJob } from "../jobs/held-job.ts";
import type { JobSchema, OutOf } from "../jobs/kinds.ts";
import type { JobOptions } from "../jobs/types.ts";
import type { Startable } from "./types.ts";

/** How the job of a step is done: as of any job. */
export type StepOptions = Omit<JobOptions, "key" | "answers" | "runAt" | "trace">;

/** A step of a graph, whatever it takes and gives. */
export interface StepShape extends StepOptions {
  /** The steps whose results it needs. It is skipped where one of them was. */
  needs?: readonly string[];
  /** Steps that it waits for, and whose results are null where they were skipped. */
  optional?: readonly string[];
  /** What to do it for each of: `"input"`, or a step that it needs, with a path: `"input.urls"`, `"list"`. */
  map?: string;
  /** A condition, as SQL/JSON path: `"$.check.score > 5"`. Where it is not true the step is skipped. */
  when?: string;
  /** What it gives has to fit this: its type is the type of the result. */
  result?: JobSchema;
  /** Fails the run by default. `"skip"` goes on as if the step had been skipped; an item of a map gives null then. */
  onFailure?: "fail" | "skip";
  /** Another workflow or a job, by its name, in place of code. */
  // biome-ignore lint/suspicious/noExplicitAny: of any workflow.
  child?: string | Startable<any, any>;
  /** What the child is given: a reference as of `map`; `{}` by default, of a map the item. */
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

/** What a step gives: what its schema says, what its child gives; of a map a list of that. */
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

/** What all steps give, and the input, as references see them. */
type Seen<Input, Steps, Step> = { input: Input } & {
  [Name in NeedsOf<Step> & keyof Steps]: GivesOf<Steps[Name]>;
} & { [Name in OptionalOf<Step> & keyof Steps]: GivesOf<Steps[Name]> | null };

/** What the code of a step is given. */
export type GivenTo<Input, Steps, Step> = Seen<Input, Steps, Step> &
  (Step extends { map: infer Path }
    ? { item: ItemOf<At<Seen<Input, Steps, Step>, Path>>; index: number }
    : unknown);

/** A step that needs what is there. */
export type Fitting<Steps> = {
  [Name in keyof Steps]: {
    needs?: readonly Exclude<keyof Steps & string, Name>[];
    optional?: readonly Exclude<keyof Steps & string, Name>[];
  };
};

/** Steps without a child: each needs code. */
type Own<Steps> = {
  [Name in keyof Steps]: Steps[Name] extends { child: unknown } ? never : Name;
}[keyof Steps];

/** The code of the steps that are no children. */
export type StepCode<Input, Steps> = {
  [Name in Own<Steps>]: (
    given: GivenTo<Input, Steps, Steps[Name]>,
    job: HeldJob,
  ) => Plain<Steps[Name]> | Promise<Plain<Steps[Name]>>;
};

/** What every step of a graph gives: null where it was skipped. */
export type ResultsOf<Steps> = { [Name in keyof Steps]: GivesOf<Steps[Name]> | null };
