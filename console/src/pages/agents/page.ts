import type { Page } from "../page.ts";

export const page: Page = {
  name: "agents",
  title: "Agents",
  icon: "agents",
  group: "Watch",
  order: 20,
  key: "a",
  needs: "agent:read",
  load: () => import("./agents.tsx"),
};
