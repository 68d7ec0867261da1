import type { Page } from "../page.ts";

export const page: Page = {
  name: "jobs",
  title: "Jobs",
  icon: "work",
  group: "Work",
  order: 40,
  key: "j",
  needs: "job:read",
  load: () => import("./jobs.tsx"),
};
