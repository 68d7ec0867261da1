import { count, flag, list, maybeText, object, row, text, word } from "../contract/answer-form.ts";
import type { Note } from "../contract/debug.ts";
import { ok, type Result } from "../contract/errors.ts";
import { kindBounds } from "../contract/work-bounds.ts";
import { type FromRow, fromRow } from "../link/rows.ts";
import type { JobsDoor } from "./door.ts";
import { kindOf } from "./handler-kind.ts";
import { inputSchemaOf } from "./input-schema.ts";
import type { JobHandlers } from "./local-job.ts";

/** A running worker publishes again this often. Otherwise its kinds would be deleted as old. */
const againMs = 12 * 3_600_000;
/** Within this time, a process does not publish the same again, however many workers it starts. */
const freshMs = 3_600_000;
/** How many publications to remember. */
const most = 200;

/** @internal */
export interface PublishedKindRow {
  /** The name of its jobs: `summarise`, `workflow:publish:1`, `run:analyst`. */
  name: string;
  type: "job" | "workflow" | "agent";
  /** The name of the job, the workflow or the agent. */
  title: string;
  /** Of a workflow. */
  version: string | null;
  description: string | null;
  /** Whether there is a JSON Schema of its input. */
  has_schema: boolean;
  /** To within 6 hours. */
  published_at: string;
  /** The agent or person whose worker published it last. Null for the secret key. */
  published_by: string | null;
}

/**
 * A kind of job that workers have handlers for.
 *
 * @interface
 */
export type PublishedKind = FromRow<PublishedKindRow>;

/** A kind of job with the JSON Schema of its input. */
export interface PublishedKindDetails extends PublishedKind {
  /** Null if the handler has no schema, or one that JSON Schema cannot express. */
  inputSchema: Record<string, unknown> | null;
}

const fields = {
  name: text,
  type: word,
  title: text,
  version: maybeText,
  description: maybeText,
  has_schema: flag,
  published_at: text,
  published_by: maybeText,
};
const listed = row<PublishedKindRow>(fields);
const detailed = row<PublishedKindRow & { input_schema: Record<string, unknown> | null }>({
  ...fields,
  input_schema: object.nullable(),
}).nullable();
const published = row<{ published: number }>({ published: count });

/** When this process published what for which tenant. The oldest is first. */
const known = new Map<string, number>();

/**
 * The kinds of jobs, workflows and agents that workers have handlers for, with the JSON Schemas of their
 * inputs. Forms are made from them.
 */
export class PublishedKinds {
  readonly #door: JobsDoor;
  readonly #tenantId: string | undefined;

  /** @internal */
  constructor(door: JobsDoor, tenantId: string | undefined) {
    this.#door = door;
    this.#tenantId = tenantId;
  }

  /** Lists what workers have published, by name. Needs `job:read`. */
  async list(): Promise<Result<PublishedKind[]>> {
    const answer = await this.#door.call("list_job_kinds", {}, list(listed));
    return answer.error ? answer : ok(answer.data.map(fromRow));
  }

  /**
   * Reads a kind with its schema, by the name of its jobs. Null if no worker has published it. Needs
   * `job:read`.
   *
   * @example
   * const { data: kind } = await mayfly.jobs.kinds.get("summarise");
   * console.log(kind?.inputSchema); // { type: "object", properties: { url: { type: "string", format: "uri" } }, … }
   */
  async get(name: string): Promise<Result<PublishedKindDetails | null>> {
    const answer = await this.#door.call("get_job_kind", { name }, detailed);
    return answer.error
      ? answer
      : ok(answer.data && (fromRow(answer.data) as PublishedKindDetails));
  }

  /**
   * Publishes the kinds that these handlers do. A worker does this itself when it starts, unless it works for
   * all tenants. Needs `job:work`.
   *
   * @returns how many differed from what was stored. Errors: `quota_exceeded`, `invalid_request`.
   */
  publish(handlers: JobHandlers): Promise<Result<{ published: number }>> {
    return this.#send(kindsOf(handlers));
  }

  async #send(kinds: object[]): Promise<Result<{ published: number }>> {
    if (kinds.length === 0) return ok({ published: 0 });
    const answer = await this.#door.call("publish_job_kinds", { kinds }, published);
    return answer.error ? answer : ok({ published: answer.data.published });
  }

  /**
   * Publishes, unless this process has just published the same. Reports errors to the debug stream only.
   *
   * @internal
   */
  async publishOnce(handlers: JobHandlers, note?: Note): Promise<void> {
    const kinds = kindsOf(handlers, note);
    const key = `${this.#tenantId} ${JSON.stringify(kinds)}`;
    const isFresh = performance.now() - (known.get(key) ?? Number.NEGATIVE_INFINITY) < freshMs;
    if (this.#tenantId && isFresh) return;
    const { error } = await this.#send(kinds);
    if (error)
      note?.("error", "job kinds: not published", () => ({
        code: error.code,
        message: error.message,
      }));
    else remember(key);
  }

  /**
   * Publishes now, and again while the worker runs.
   *
   * @returns a function that stops this.
   * @internal
   */
  keepPublished(handlers: JobHandlers, note?: Note): () => void {
    const timer = setInterval(() => void this.publishOnce(handlers, note), againMs);
    (timer as { unref?: () => void }).unref?.();
    void this.publishOnce(handlers, note);
    return () => clearInterval(timer);
  }
}

function remember(key: string): void {
  known.delete(key);
  known.set(key, performance.now());
  for (const oldest of known.keys()) if (known.size > most) known.delete(oldest);
}

/** What to publish about handlers. Steps of graphs are left out, because nobody adds them. */
function kindsOf(handlers: JobHandlers, note?: Note): object[] {
  return Object.entries(handlers)
    .filter(([name]) => !name.startsWith("step:"))
    .map(([name, handler]) => {
      const { input, description } = kindOf(handler);
      const { schema, why } = input ? inputSchemaOf(input) : {};
      if (why !== undefined)
        note?.("task", `job kinds: no schema of ${name}`, () => ({ name, why }), { level: 2 });
      const about = description ?? schema?.description;
      return {
        name,
        ...(typeof about === "string" && { description: storable(about) }),
        ...(schema && { input_schema: schema }),
      };
    });
}

const storable = (text: string) =>
  text.slice(0, kindBounds.description).toWellFormed().replaceAll("\0", "");
