/** Schemas of answers about tenants. See `answer-form.ts`. */
import { z } from "zod";
import { count, flag, maybeCount, row, text } from "../contract/answer-form.ts";

/** @internal */
export interface TenantRow {
  id: string;
  name: string;
  created_at: string;
}
const tenant = { id: text, name: text, created_at: text };
export const tenantRow = row<TenantRow>(tenant);
export const ensuredRow = row<TenantRow & { created: boolean }>({ ...tenant, created: flag });

/** What a tenant uses now, besides its limits. */
export interface Usage {
  memories: number;
  bytes: number;
  writes_this_minute: number;
  living_agents: number;
  spawns_left: number;
  limits: Record<string, number | null>;
}
export const usage = row<Usage>({
  memories: count,
  bytes: count,
  writes_this_minute: count,
  living_agents: count,
  spawns_left: count,
  limits: z.record(text, maybeCount),
});
