import type { ComponentType } from "preact";
import type { Space } from "../live/space.ts";
import type { IconName } from "../parts/icon.tsx";

/** The props of every page. */
export interface PageProps {
  space: Space;
  /** The rest of the address after the page's name. */
  rest: string[];
}

/** A page of the console: a folder of `pages/` whose `page.ts` exports this as `page`. */
export interface Page {
  /** Its name in the address. */
  name: string;
  title: string;
  icon: IconName;
  /** Its place in the navigation. */
  group: "Watch" | "Work" | "Knowledge" | "Project";
  order: number;
  /** Pressing `g` and then this key opens it. */
  key: string;
  /** The scope that the page needs. */
  needs?: string;
  /** The number that the navigation shows: how many things on this page wait for the person. */
  count?(space: Space): number;
  load(): Promise<{ default: ComponentType<PageProps> }>;
}
