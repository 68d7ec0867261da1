import type { Wait } from "./wait.ts";

/** A wait in the form of `wait_any`, and the child job to add if it is missing. */
export interface WaitRow {
  row: { step: string; of?: string; key?: string; together?: string; [more: string]: unknown };
  job?: object;
}

/** What the workflow waits for, until its steps are recorded. */
export interface Pending {
  rows: WaitRow[];
  steps: string[];
  resolve(): void;
  reject(error: unknown): void;
}

export async function rowOf(
  jobId: string,
  wait: Wait<unknown>,
  more: { of?: string; key?: string; together?: string },
): Promise<WaitRow> {
  const { step, plan } = wait;
  const row = { step, ...more, ...(await wait.atom()) };
  return plan.job ? { row, job: plan.job(`${jobId}/${step}`) } : { row };
}

/** Resolves in a later turn of the event loop, after all callbacks that are ready now. */
export const tick = () =>
  new Promise<void>((resolve) => {
    if (typeof setImmediate === "function") setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
