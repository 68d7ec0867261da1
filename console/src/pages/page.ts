import type { ComponentType } from "preact";
import type { Space } from "../live/space.ts";
import type { IconName } from "../parts/icon.tsx";

/** What every page is given. */
export interface PageProps {
  space: Space;
  /** What follows the page's name in the address. */
  rest: string[];
}

/** A page of the console: a folder of `pages/` whose `page.ts` exports one of these as `page`. */
export interface Page {
  /** In the address. */
  name: string;
  title: string;
  icon: IconName;
  /** Where it stands in the navigation. */
  group: "Watch" | "Work" | "Knowledge" | "Project";
  order: number;
  /** `g` and then this opens it. */
  key: string;
  /** The scope without which there is nothing to see. */
  needs?: string;
  load(): Promise<{ default: ComponentType<PageProps> }>;
}
