import type { Page } from "../page.ts";

export const page: Page = {
  name: "teams",
  title: "Teams",
  icon: "teams",
  group: "Watch",
  order: 25,
  key: "e",
  needs: "team:read",
  load: () => import("./teams.tsx"),
};
