import type { z } from "zod";
import type { Database } from "../contract/database.types.ts";
import type { Result } from "../contract/errors.ts";
import { fromDataApi, type MayflyClient } from "../link/call.ts";
import { joinTopic } from "../link/topics.ts";

export type JobFunction = Extract<
  keyof Database["mayfly"]["Functions"],
  | `${string}_job${string}`
  | "job_statistics"
  | `${string}_steps`
  | `${string}_schedule${string}`
  | "set_queue"
>;

/** What jobs need of a connection: its calls, and to be woken. */
export interface JobsDoor {
  rpc<T>(name: JobFunction, values: object, form: z.ZodType<T>): Promise<Result<T>>;
  /**
   * Calls `listener` when there may be work again, and each time that the connection is back.
   *
   * @returns ends that.
   */
  onWake(listener: () => void): () => Promise<void>;
}

/** By the Data API and Realtime. Without a tenant nobody is woken: the worker polls. */
export const doorOf = (client: MayflyClient, tenant: string | undefined): JobsDoor => ({
  async rpc(name, values, form) {
    return fromDataApi(await client.rpc(name as never, values as never), form);
  },
  onWake(listener) {
    if (!tenant) return async () => {};
    const joined = joinTopic(client, `tenant:${tenant}:jobs`, {
      onMessage: (event) => event === "job_ready" && listener(),
      onJoined: (isJoined) => isJoined && listener(),
    });
    return async () => (await joined).leave();
  },
});
