import { z } from "zod";

/** What the members of a team, and all that they spawn, may spend: US dollars, tokens. */
export const teamBudget = z.strictObject({
  hard_usd: z.number().min(0).max(1e9).optional(),
  soft_usd: z.number().min(0).max(1e9).optional(),
  hard_tokens: z.int().min(0).max(1e12).optional(),
});
