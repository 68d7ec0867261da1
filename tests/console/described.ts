/** Jobs that a worker has described, and the forms for them. */
import type { Page } from "playwright-core";
import { z } from "zod";
import { dataOf } from "#harness/agents";
import { mayfly } from "./opened.ts";

/** Every kind of field. */
export const report = z.object({
  title: z.string().min(3).describe("What the readers see first."),
  source: z.url().describe("The page to read."),
  pages: z.int().min(1).max(50).default(10),
  share: z.number().optional(),
  language: z.enum(["de", "en"]),
  draft: z.boolean().default(true),
  signed: z.boolean().optional(),
  day: z.iso.date().optional(),
  due: z.coerce.date().optional(),
  tags: z.array(z.string()).max(2).optional(),
  author: z.object({ name: z.string(), mail: z.email().optional() }),
  layout: z.object({ columns: z.int().default(2), wide: z.boolean() }).optional(),
  parts: z.array(z.object({ heading: z.string() })).optional(),
  note: z.string().nullable().optional(),
});

/** Publishes a job as a worker does that has this schema. */
export const publish = async (input: z.ZodType, name = "report") => {
  const described = mayfly.jobs.define({ [name]: { input, description: "Writes a report." } });
  dataOf(await mayfly.jobs.kinds.publish(described.handlers({ [name]: () => null })));
};
/** Opens the form for a job of this name. */
export const addJob = async (page: Page, name: string) => {
  await page.click("text=Add a job");
  await page.fill("dialog input[name=name]", name);
  await page.keyboard.press("Tab");
};
export const field = (page: Page, name: string) => page.locator(`dialog [name="input.${name}"]`);
/** The faults beside a field. */
export const faultsOf = (page: Page, name: string) =>
  page
    .locator(".form-part", { has: page.locator(`[name="input.${name}"]`) })
    .locator(".form-fault")
    .allTextContents();
export const jobs = async (name: string) => dataOf(await mayfly.jobs.list({ name }));
