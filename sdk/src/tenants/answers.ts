/** The forms of answers about tenants: see `answer-form.ts`. */
import { z } from "zod";
import { count, maybeCount, row, text } from "../contract/answer-form.ts";
import type { TenantRow, Usage } from "./tenants.ts";

export const tenantRow = row<TenantRow>({ id: text, name: text, created_at: text });
export const usage = row<Usage>({
  memories: count,
  bytes: count,
  writes_this_minute: count,
  living_agents: count,
  spawns_left: count,
  limits: z.record(text, maybeCount),
});
