import type { Page } from "./page.ts";

const found = import.meta.glob<{ page: Page }>("./*/page.ts", { eager: true });

/** Every page, in the order of the navigation. Each folder with a `page.ts` is a page. */
export const pages: Page[] = Object.values(found)
  .map(({ page }) => page)
  .sort((one, other) => one.order - other.order);

export const pageOf = (name: string): Page | undefined => pages.find((page) => page.name === name);
