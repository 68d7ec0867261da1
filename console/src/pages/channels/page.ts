import type { Page } from "../page.ts";

export const page: Page = {
  name: "channels",
  title: "Channels",
  icon: "channels",
  group: "Knowledge",
  order: 66,
  key: "c",
  needs: "message:read",
  load: () => import("./channels.tsx"),
};
