import { z } from "zod";

/** How much the members of a team and their descendants may spend, in US dollars or tokens. */
export const teamBudget = z.strictObject({
  hard_usd: z.number().min(0).max(1e9).optional(),
  soft_usd: z.number().min(0).max(1e9).optional(),
  hard_tokens: z.int().min(0).max(1e12).optional(),
});
