/** How the isolation sweep fills and attacks this room: see tests/harness/sweep.ts. */
import { randomUUID } from "node:crypto";
import { inTenant, rpc, serviceRole } from "#harness/callers";
import type { Attack, RoomSweep } from "#harness/sweep";

declare module "#harness/sweep" {
  interface Victim {
    /** A running job of the agent, and its lease. */
    job: string;
    jobLease: string;
  }
}

/** Arguments of a function that writes under a lease. */
const underLease = (values: Record<string, unknown>): Attack => ({
  values,
  needs: "job:work",
  viewer: "may not",
});
const forAdmins = (values: Record<string, unknown>): Attack => ({
  values,
  needs: "job:admin",
  viewer: "may not",
});
const forAdders = (values: Record<string, unknown>): Attack => ({
  values,
  needs: "job:add",
  viewer: "may not",
});
const forReaders = (values: Record<string, unknown>): Attack => ({
  values,
  needs: "job:read",
  viewer: "may",
});

export const sweep: RoomSweep = {
  shownBy: {
    finished_jobs: "job:read",
    job_attempts: "job:read",
    job_attributes: "job:read",
    job_kinds: "job:read",
    job_queues: "job:read",
    job_schedules: "job:read",
    job_signals: "job:read",
    job_steps: "job:read",
    jobs: "job:read",
  },
  scopes: ["job:read", "job:add", "job:work"],
  // Makes a running job with a step, a signal and an attribute, a dead letter, a queue, a schedule, a kind, and a sleeping worker.
  fill: async (sql, victim) => {
    const asWorker = <T>(name: string, values: Record<string, unknown>) =>
      rpc<T>(sql, victim.agent.claims, name, values);
    const take = async (queue: string) => {
      const { jobs } = await asWorker<{ jobs: { id: string; lease: string }[] }>("claim_jobs", {
        queues: [queue],
        lease: 3_600,
      });
      return jobs[0] ?? { id: "", lease: "" };
    };
    await asWorker("add_jobs", {
      jobs: [
        { name: "work", key: "work", input: { secret: "plan" }, attributes: { plan: "secret" } },
        { name: "dead", max_attempts: 1 },
      ] as never,
    });
    const running = await take("work");
    const steps = [{ name: "one", result: "the secret plan" }] as never;
    await asWorker("record_steps", { lease: running.lease, steps });
    await asWorker("signal_job", { id: running.id, name: "go", payload: "the secret plan" });
    const dead = await take("dead");
    const failures = [{ lease: dead.lease, error: { message: "the secret plan" } }] as never;
    await asWorker("fail_jobs", { failures });
    await rpc(sql, victim.owner, "set_queue", { name: "work", max_running: 5 });
    const yearly = { name: "yearly", cron: "@yearly", job: "work" };
    await rpc(sql, victim.owner, "set_schedule", yearly);
    await rpc(sql, serviceRole, "set_job_share", { weight: 2 }, inTenant(victim.tenant));
    await asWorker("publish_job_kinds", {
      kinds: [
        { name: "work", description: "the secret plan", input_schema: { type: "object" } },
      ] as never,
    });
    await asWorker("claim_jobs", { park: randomUUID(), queues: ["nothing"] });
    return { job: running.id, jobLease: running.lease };
  },
  topics: (victim) => ({ jobs: `tenant:${victim.tenant}:jobs` }),
  attacks: ({ job, jobLease: lease }) => ({
    add_jobs: forAdders({ jobs: [{ name: "mine" }] }),
    cancel_jobs: forAdders({ ids: [job] }),
    claim_any_jobs: { values: {}, needs: null, only: "secret", viewer: "may not" },
    claim_jobs: underLease({ wanted: 10 }),
    complete_jobs: underLease({ done: [{ lease }] }),
    delete_schedule: forAdmins({ name: "yearly" }),
    discard_jobs: forAdmins({}),
    fail_jobs: underLease({ failures: [{ lease, error: { message: "mine" } }] }),
    get_job: forReaders({ id: job }),
    get_job_kind: forReaders({ name: "work" }),
    heartbeat_jobs: underLease({ leases: [lease] }),
    job_statistics: forReaders({}),
    list_job_kinds: forReaders({}),
    list_jobs: forReaders({ of_attributes: { plan: "secret" } }),
    list_schedules: forReaders({}),
    mark_job_call: {
      values: { call: job, seconds: 60 },
      needs: null,
      only: "secret",
      viewer: "may not",
    },
    publish_job_kinds: underLease({ kinds: [{ name: "planted" }] }),
    read_steps: underLease({ lease }),
    record_steps: underLease({ lease, steps: [{ name: "planted" }] }),
    redrive_jobs: forAdmins({}),
    release_jobs: underLease({ leases: [lease] }),
    set_job_attributes: underLease({ lease, changes: { plan: "planted" } }),
    set_job_share: { values: { weight: 100 }, needs: null, only: "secret", viewer: "may not" },
    set_queue: forAdmins({ name: "work", paused: true }),
    set_schedule: forAdmins({ name: "yearly", cron: "@hourly", job: "mine" }),
    signal_job: forAdders({ id: job, name: "go" }),
    turn_jobs: underLease({ done: [{ lease }], wanted: 10 }),
    wait_job: underLease({ lease, step: "mine", signals: ["go"] }),
  }),
};
