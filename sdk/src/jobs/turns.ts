import { ok, type Result } from "../contract/errors.ts";
import { type ClaimedRow, completed, failedJobs, type Place, turned } from "./answers.ts";
import type { JobsDoor } from "./door.ts";
import type { Ending } from "./local-job.ts";
import type { WorkOptions } from "./work-options.ts";

/** A claim that takes longer in the database walks what cannot be removed: marks skip it. */
const slowClaimMs = 4;
/** While claims are slow, one looks at everything this often: what committed late is found then. */
const fullClaimMs = 1_000;

/** A worker's calls: what has ended is recorded, and more is claimed, in one. */
export class Turns {
  readonly #door: JobsDoor;
  readonly #names: string[];
  readonly #options: WorkOptions;
  /** By which it is woken. */
  readonly #id = crypto.randomUUID();
  #place: Place = {};
  #fullAt = Number.NEGATIVE_INFINITY;
  #fullTook = 0;

  constructor(door: JobsDoor, names: string[], options: WorkOptions) {
    this.#door = door;
    this.#names = names;
    this.#options = options;
  }

  async take(endings: Ending[], wanted: number): Promise<Result<ClaimedRow[]>> {
    const { queues, lease, anyTenant } = this.#options;
    const done = endings
      .filter(({ failure }) => !failure)
      .map(({ lease, result }) => ({ lease, result }));
    const failures = endings.flatMap(({ lease, failure }) =>
      failure ? [{ lease, ...failure.said }] : [],
    );
    if (anyTenant || wanted === 0) {
      const recorded = await this.end(done, failures);
      if (recorded.error) return recorded;
      if (wanted === 0) return ok([]);
    }
    const full = this.#isFull();
    const values = {
      wanted,
      names: this.#names,
      lease,
      place: this.#placeOf(full),
      park: this.#id,
      ...(queues && { queues }),
    };
    const answer = anyTenant
      ? await this.#door.rpc("claim_any_jobs", values, turned)
      : await this.#door.rpc("turn_jobs", { ...values, done, failures }, turned);
    if (answer.error) return answer;
    const { jobs, place, took } = answer.data;
    this.#place = place;
    if (full) {
      this.#fullAt = performance.now();
      this.#fullTook = took;
    }
    return ok(jobs);
  }

  async end(done: object[], failures: object[]): Promise<Result<null>> {
    if (done.length > 0) {
      const answer = await this.#door.rpc("complete_jobs", { done }, completed);
      if (answer.error) return answer;
    }
    if (failures.length > 0) {
      const answer = await this.#door.rpc("fail_jobs", { failures }, failedJobs);
      if (answer.error) return answer;
    }
    return ok(null);
  }

  #isFull(): boolean {
    if (this.#fullTook < slowClaimMs) return true;
    return performance.now() - this.#fullAt > Math.max(fullClaimMs, 20 * this.#fullTook);
  }

  #placeOf(full: boolean): Place {
    const { marks, due, ...place } = this.#place;
    if (this.#fullTook < slowClaimMs) return place;
    return full ? { ...place, marks: [] } : { ...place, marks: marks ?? [], ...(due && { due }) };
  }
}
