// A Supabase function that works jobs: it says what a text has in it. Whoever wakes it, it takes jobs until none
// is left, and gives back what it could not end in its time.
import { type HeldJob, serveJobs } from "@mayfly/sdk";

const wordsPerMinute = 240;

export default {
  fetch: serveJobs({
    outline: async ({ text }: { text: string }, job: HeldJob) => {
      // Recorded once: another attempt goes on behind it.
      const words = await job.step("count", () => text.split(/\s+/).filter(Boolean).length);
      return {
        headings: [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading),
        words,
        minutes: Math.ceil(words / wordsPerMinute),
      };
    },
  }),
};
