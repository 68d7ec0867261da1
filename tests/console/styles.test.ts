/** The style sheets of pages. A page's sheet stays loaded when the person goes to another page. */
import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";

const pages = join(import.meta.dirname, "../../console/src/pages");

/** The selectors of a style sheet without nested rules other than those of `@media`. */
const selectorsOf = (css: string): string[] =>
  css
    .replace(/\/\*.*?\*\//gs, "")
    .split("{")
    .flatMap((part) => (part.split(/[};]/).at(-1) ?? "").split(","))
    .map((selector) => selector.trim())
    .filter((selector) => /^[.#a-z*:[]/i.test(selector) && !/^(from|to)$/.test(selector));

const classesOf = (selector: string): string[] =>
  [...selector.matchAll(/\.([a-z][\w-]*)/g)].map(([, name]) => name ?? "");

it("lets each rule of a page's style sheet name a class that no other page styles", async () => {
  const rules: { page: string; selector: string }[] = [];
  for await (const file of glob("*/*.css", { cwd: pages }))
    for (const selector of selectorsOf(await readFile(join(pages, file), "utf8")))
      rules.push({ page: file.split("/")[0] ?? "", selector });
  const stylers = new Map<string, Set<string>>();
  for (const { page, selector } of rules)
    for (const name of classesOf(selector))
      stylers.set(name, (stylers.get(name) ?? new Set()).add(page));
  const shared = rules.filter(
    ({ selector }) => !classesOf(selector).some((name) => stylers.get(name)?.size === 1),
  );
  expect(rules.length).toBeGreaterThan(300);
  expect(shared).toEqual([]);
});
