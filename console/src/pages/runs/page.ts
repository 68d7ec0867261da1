import type { Page } from "../page.ts";

export const page: Page = {
  name: "runs",
  title: "Runs",
  icon: "runs",
  group: "Work",
  order: 46,
  key: "r",
  needs: "run:read",
  load: () => import("./runs.tsx"),
};
