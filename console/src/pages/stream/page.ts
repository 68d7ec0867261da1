import type { Page } from "../page.ts";

export const page: Page = {
  name: "stream",
  title: "Stream",
  icon: "stream",
  group: "Watch",
  order: 30,
  key: "s",
  load: () => import("./stream.tsx"),
};
