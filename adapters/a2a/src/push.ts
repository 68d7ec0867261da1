import { StreamResponse, TaskPushNotificationConfig } from "@a2a-js/sdk";
import { V03PushNotificationSerializer } from "@a2a-js/sdk/compat/v0_3/server";
import type { JobHandlers, JobInfo, Mayfly } from "@mayfly/sdk";
import { type A2AAgent, nameOf } from "./agents.ts";
import { dataOf } from "./errors.ts";
import { checkId, malformed } from "./messages.ts";
import { hasEnded, Tasks } from "./tasks.ts";
import { updatesOf } from "./updates.ts";

const jobName = "a2a-push";
const active = ["scheduled", "ready", "running", "waiting"] as const;

/** How notifications are sent. */
export interface PushOptions {
  /**
   * Returns whether to call an address that a client gave. By default, the address must use https and have a
   * public name. An IP address is refused, and so is a name of this machine or of a private network.
   */
  allow?: (url: URL) => boolean;
}

interface PushInput {
  agent: string;
  task: string;
  config: unknown;
  /** Whether the address expects the form of A2A 0.3. */
  isOld?: boolean;
}

/**
 * The handler that sends push notifications. Each address has a job that follows its task. If the address
 * does not answer, the job is retried. It sends each state of the task once, even if the job's worker dies.
 *
 * @example
 * await mayfly.jobs.work({ ...runAgents(analyst), ...pushNotifications(mayfly, agents) });
 */
export function pushNotifications(
  mayfly: Mayfly,
  agents: A2AAgent[],
  { allow = isPublic }: PushOptions = {},
): JobHandlers {
  return {
    [jobName]: async (input, job) => {
      const { agent: name, task: id, config, isOld = false } = input as PushInput;
      const agent = agents.find((one) => nameOf(one) === name);
      if (!agent) throw new Error(`The worker does not know the agent ${name}.`);
      const target = TaskPushNotificationConfig.fromJSON(config);
      if (!allow(new URL(target.url))) throw new Error("The address may not be called.");
      const tasks = new Tasks(mayfly, agent);
      const tell = (state: string, update: StreamResponse) =>
        job.step(`told ${state}`, () => post(target, bodyOf(update, isOld)));
      for await (const { payload } of updatesOf(tasks, id, job.signal))
        if (payload?.$case === "statusUpdate" && payload.value.status)
          if (!hasEnded(payload.value as never)) await tell("working", { payload });
      // The last notification also carries the answer.
      const value = await tasks.read(id);
      await tell("end", { payload: { $case: "task", value } });
    },
  };
}

const bodyOf = (update: StreamResponse, isOld: boolean) =>
  isOld
    ? new V03PushNotificationSerializer().serialize(update)
    : { body: JSON.stringify(StreamResponse.toJSON(update)), contentType: "application/a2a+json" };

async function post(
  { url, token, authentication }: TaskPushNotificationConfig,
  { body, contentType }: ReturnType<typeof bodyOf>,
) {
  const { status, ok } = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": contentType,
      ...(authentication
        ? { authorization: `${authentication.scheme} ${authentication.credentials}` }
        : token && { "x-a2a-notification-token": token }),
    },
    body,
    // A redirect could lead to an address that `allow` has not seen.
    redirect: "error",
    signal: AbortSignal.timeout(10_000),
  });
  if (!ok) throw new Error(`The address answered ${status}.`);
  return { status };
}

/**
 * The addresses that follow a task, with a job for each address. The key of the job consists of the task, the
 * id of the config, and a digest of the config, so that the same config makes only one job.
 */
export class PushConfigs {
  readonly #mayfly: Mayfly;
  readonly #agent: A2AAgent;
  readonly #isOld: boolean;

  constructor(mayfly: Mayfly, agent: A2AAgent, isOld: boolean) {
    this.#mayfly = mayfly;
    this.#agent = agent;
    this.#isOld = isOld;
  }

  /** Adds an address. It replaces another one with the same id. */
  async add(task: string, given: TaskPushNotificationConfig): Promise<TaskPushNotificationConfig> {
    if (!URL.canParse(given.url) || !/^https?:/.test(given.url))
      throw malformed("url", "must be the address that is called, https://…");
    // If there is no id, use a digest, so that the same address is added only once.
    const id = given.id || (await digestOf(TaskPushNotificationConfig.toJSON(given))).slice(0, 32);
    checkId("id", id);
    const config = { ...given, id, taskId: task };
    const input = {
      agent: nameOf(this.#agent),
      task,
      config: TaskPushNotificationConfig.toJSON(config),
      ...(this.#isOld && { isOld: true }),
    };
    const key = `${keyOf(task, id)}${await digestOf(input)}`;
    const add = async (key: string) =>
      dataOf(await this.#mayfly.jobs.add(jobName, input, { key, maxAttempts: 10 }));
    let { id: job, existing } = await add(key);
    // If the same config was deleted before, its key belongs to a cancelled job.
    if (existing && (await this.#isCancelled(job)))
      ({ id: job } = await add(`${key}/${crypto.randomUUID()}`));
    await this.#cancel((await this.#open(keyOf(task, id))).filter((one) => one.id !== job));
    return config;
  }

  async list(task: string): Promise<TaskPushNotificationConfig[]> {
    const open = await this.#open(keyOf(task));
    return Promise.all(
      open.map(async ({ id }) => {
        const { input } = dataOf(await this.#mayfly.jobs.get<PushInput>(id));
        return TaskPushNotificationConfig.fromJSON(input.config);
      }),
    );
  }

  async remove(task: string, id: string): Promise<void> {
    await this.#cancel(await this.#open(keyOf(task, id)));
  }

  async #isCancelled(job: string): Promise<boolean> {
    const { status, cancelled = false } = dataOf(await this.#mayfly.jobs.get(job));
    return cancelled || status === "cancelled";
  }

  /** The jobs of the newest addresses, at most 1,000. */
  async #open(keyPrefix: string): Promise<JobInfo[]> {
    const of = { name: jobName, keyPrefix, status: [...active], limit: 1_000 };
    const found = await this.#mayfly.jobs.list(of);
    return dataOf(found).filter(({ cancelled }) => !cancelled);
  }

  async #cancel(jobs: JobInfo[]): Promise<void> {
    if (jobs.length > 0) dataOf(await this.#mayfly.jobs.cancel(jobs.map(({ id }) => id)));
  }
}

const keyOf = (...parts: string[]) => `a2a-push/${parts.join("/")}/`;

async function digestOf(value: unknown): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** True for https with a public name as its host, not an IP address or a name of a private network. */
function isPublic({ protocol, hostname }: URL): boolean {
  return (
    protocol === "https:" &&
    !/^[\d.]+$|^\[|(^|\.)(localhost|local|internal)\.?$/i.test(hostname) &&
    hostname.includes(".")
  );
}
