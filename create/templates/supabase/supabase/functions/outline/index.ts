// A Supabase function that does jobs: it outlines a text. When something wakes it, it takes jobs
// until none is left, and gives back the jobs that it could not finish in time.
import { type HeldJob, serveJobs } from "@mayfly/sdk";

const wordsPerMinute = 240;

export default {
  fetch: serveJobs({
    outline: async ({ text }: { text: string }, job: HeldJob) => {
      // The result of this step is recorded, so another attempt of the job continues after the step.
      const words = await job.step("count", () => text.split(/\s+/).filter(Boolean).length);
      return {
        headings: [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading),
        words,
        minutes: Math.ceil(words / wordsPerMinute),
      };
    },
  }),
};
