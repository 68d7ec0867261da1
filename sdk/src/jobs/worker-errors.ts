/** What ends a job whose worker goes on, or whose worker ends. */
import { MayflyError } from "../contract/errors.ts";

export const overFor = (code: "lease_lost" | "job_cancelled") =>
  new MayflyError({
    code,
    message: code === "lease_lost" ? "The lease of this job is over." : "The job was cancelled.",
    hint: "Stop working on it.",
    details: null,
  });

export const stopped = () =>
  new MayflyError({
    code: "lease_lost",
    message: "The worker was stopped.",
    hint: "The job is ready for another.",
    details: null,
  });
