import type { Page } from "../page.ts";

export const page: Page = {
  name: "health",
  title: "Health",
  icon: "health",
  group: "Project",
  order: 90,
  key: "h",
  load: () => import("./health.tsx"),
};
