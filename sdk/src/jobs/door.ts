import type { z } from "zod";
import type { Database } from "../contract/database.types.ts";
import type { Result } from "../contract/errors.ts";
import type { Telemetry } from "../contract/telemetry.ts";
import type { Link } from "../link/link.ts";

type Functions = keyof Database["mayfly"]["Functions"];

/** What jobs need from a connection: calls, and a way to be woken. */
export interface JobsDoor {
  call<T>(name: Functions, values: object, form: z.ZodType<T>): Promise<Result<T>>;
  /**
   * Calls `listener` when there may be work again, and each time the connection is back. If a new job was
   * sent to a worker of the tenant, `sent` says to which one, and contains the job.
   *
   * @returns a function that stops this.
   */
  onWake(listener: (sent?: object) => void): () => Promise<void>;
  /** Whether new jobs can be sent to a worker here. */
  readonly sends?: boolean;
  /** A connection in a tenant, for everything else that a job does. */
  link?(tenantId: string): Link | undefined;
  readonly telemetry?: Telemetry | undefined;
}

/** Uses the Data API and Realtime. Without a tenant nothing wakes the worker, so it polls. */
export const doorOf = (link: Link, within?: (tenantId: string) => Link): JobsDoor => ({
  call: (name, values, form) => link.rpc(name, values, form),
  telemetry: link.telemetry,
  sends: link.isDirect,
  link: (tenantId) => (link.tenantId === tenantId ? link : within?.(tenantId)),
  onWake(listener) {
    if (!link.tenantId) return async () => {};
    const topic = link.topics.join(`tenant:${link.tenantId}:jobs`, {
      onMessage: (event, payload) => {
        if (event === "job_ready") listener();
        else if (event === "job_sent") listener(payload);
      },
      onJoined: (isJoined) => isJoined && listener(),
    });
    return () => topic.leave();
  },
});
