import type { Page } from "../page.ts";

export const page: Page = {
  name: "workflows",
  title: "Workflows",
  icon: "workflows",
  group: "Work",
  order: 42,
  key: "w",
  needs: "job:read",
  load: () => import("./workflows.tsx"),
};
