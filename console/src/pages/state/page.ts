import type { Page } from "../page.ts";

export const page: Page = {
  name: "state",
  title: "State",
  icon: "state",
  group: "Knowledge",
  order: 64,
  key: "d",
  needs: "state:read",
  load: () => import("./state.tsx"),
};
