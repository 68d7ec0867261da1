import type { Page } from "../page.ts";

export const page: Page = {
  name: "memory",
  title: "Memory",
  icon: "memory",
  group: "Knowledge",
  order: 60,
  key: "m",
  needs: "memory:read",
  load: () => import("./memory.tsx"),
};
