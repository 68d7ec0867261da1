import type { Page } from "../page.ts";

export const page: Page = {
  name: "people",
  title: "People",
  icon: "people",
  group: "Project",
  order: 80,
  key: "p",
  needs: "member:read",
  load: () => import("./people.tsx"),
};
