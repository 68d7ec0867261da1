// An edge function that works on jobs: it loads a page and returns its title, its headings and its reading time.
// Copy the folder to supabase/functions/. docs/jobs.md explains what wakes it.
import { type HeldJob, serveJobs } from "@mayfly/sdk";

const wordsPerMinute = 240;

export default {
  fetch: serveJobs({
    outline: async ({ url }: { url: string }, job: HeldJob) => {
      // The result of this step is recorded, so another attempt of the job does not load the page
      // again.
      const page = await job.step("load", async ({ signal }) => {
        const response = await fetch(url, { signal });
        if (!response.ok) throw new Error(`${url} answered ${response.status}`);
        return (await response.text()).slice(0, 200_000);
      });
      const text = textOf(page.replace(/<(script|style)\b[\s\S]*?<\/\1>/gi, " "));
      return {
        title: textOf(/<title[^>]*>([\s\S]*?)<\/title>/i.exec(page)?.[1] ?? ""),
        headings: [...page.matchAll(/<h[1-3][^>]*>([\s\S]*?)<\/h[1-3]>/gi)].map(([, inner]) =>
          textOf(inner ?? ""),
        ),
        minutes: Math.ceil(text.split(" ").length / wordsPerMinute),
      };
    },
  }),
};

const textOf = (html: string) =>
  html
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ")
    .trim();
