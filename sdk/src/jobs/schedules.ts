import { list } from "../contract/answer-form.ts";
import { ok, type Result } from "../contract/errors.ts";
import { deleted, scheduleRow } from "./answers.ts";
import type { JobsDoor } from "./door.ts";
import { toSchedule, toShownSchedule } from "./forms.ts";
import type { Schedule, ScheduleOptions } from "./types.ts";

/**
 * Schedules, which add jobs at the times that a cron line says. The database checks them whenever a worker
 * claims jobs or maintenance runs.
 */
export class Schedules {
  readonly #door: JobsDoor;

  /** @internal */
  constructor(door: JobsDoor) {
    this.#door = door;
  }

  /**
   * Creates the schedule with this name, or replaces it.
   *
   * @returns the schedule, with `nextAt`. Errors: `invalid_request` with the field, for a cron line that is
   * invalid or never fires, or for an unknown time zone; `scope_missing` without `job:admin`.
   *
   * @example
   * await mayfly.jobs.schedules.set("nightly", {
   *   cron: "0 3 * * *",
   *   timeZone: "Europe/Berlin",
   *   job: "summarise",
   *   input: { url: "https://example.com" },
   * });
   */
  async set(name: string, schedule: ScheduleOptions): Promise<Result<Schedule>> {
    const answer = await this.#door.call("set_schedule", toSchedule(name, schedule), scheduleRow);
    return answer.error ? answer : ok(toShownSchedule(answer.data));
  }

  /** Lists the schedules of the tenant in the order of their names. Needs `job:read`. */
  async list(): Promise<Result<Schedule[]>> {
    const answer = await this.#door.call("list_schedules", {}, list(scheduleRow));
    return answer.error ? answer : ok(answer.data.map(toShownSchedule));
  }

  /** Deletes a schedule. Jobs that it added stay. Needs `job:admin`. */
  delete(name: string): Promise<Result<{ deleted: boolean }>> {
    return this.#door.call("delete_schedule", { name }, deleted);
  }
}
