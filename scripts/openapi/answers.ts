/** The answers of the functions. They send what SQL returns, so these schemas follow SQL. */
import { z } from "zod";
import { errorCodes } from "../../sdk/src/contract/errors.ts";

const agent = z.looseObject({ id: z.guid(), tenant_id: z.guid(), name: z.string() });

export const issuedAgent = z.looseObject({
  agent: agent.describe("The row of mayfly.agents."),
  token: z.string().describe("A JWT: the agent's bearer token."),
  token_expires_at: z.iso.datetime(),
  renewal_secret: z
    .string()
    .describe("Pass it to POST /spawn/renew to get the next token. It works once."),
  watched: z.boolean().describe("Whether somebody wants its debug records."),
});

export const stoppedAgent = z.object({ agent });

export const syncAnswer = z.looseObject({
  embedding: z
    .object({
      model: z.string().nullable(),
      made: z
        .int()
        .min(0)
        .describe("Vectors that were made in this call. The rest are made later."),
      problem: z.string().nullable(),
    })
    .nullable()
    .describe("Null if nothing had to be embedded."),
});

export const drainAnswer = z.object({
  model: z.string().nullable(),
  stored: z.int().min(0),
  failed: z.int().min(0),
  waiting: z.int().min(0),
  problem: z.string().nullable().describe("Why the last failure happened."),
});

export const queryAnswer = z.object({
  mode: z.enum(["hybrid", "words_only"]).describe("If it is words_only, `problem` says why."),
  model: z.string().nullable(),
  problem: z.string().nullable(),
  results: z.array(z.looseObject({ parts: z.looseObject({}) })).describe("Best first."),
});

export const errorAnswer = z.object({
  data: z.null(),
  error: z.object({
    code: z.enum(errorCodes).describe("Stable, so that programs can branch on it."),
    message: z.string(),
    hint: z.string().nullable().describe("What to do."),
    details: z.unknown().describe("Which field, index or scope it was about."),
    request_id: z
      .string()
      .optional()
      .describe("The id of this request. The logs of the function have it too."),
  }),
});
