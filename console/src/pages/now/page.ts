import type { Page } from "../page.ts";

export const page: Page = {
  name: "now",
  title: "Now",
  icon: "now",
  group: "Watch",
  order: 10,
  key: "n",
  needs: "agent:read",
  load: () => import("./now.tsx"),
};
