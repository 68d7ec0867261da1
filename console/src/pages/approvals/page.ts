import type { Page } from "../page.ts";

export const page: Page = {
  name: "approvals",
  title: "Approvals",
  icon: "approvals",
  group: "Work",
  order: 44,
  key: "v",
  needs: "approval:read",
  count: ({ asked }) => asked.waiting.value.length,
  load: () => import("./approvals.tsx"),
};
