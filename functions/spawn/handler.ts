/** Spawns agents, renews their tokens, stops them. */
import { type JWTPayload, SignJWT } from "jose";
import { z } from "zod";
import { renewRequest, spawnRequest, stopRequest } from "../../sdk/src/schemas.ts";
import { answerData, Refusal, readBody } from "../_shared/answer.ts";
import { createApp } from "../_shared/app.ts";
import { call, connectAsCaller, connectWithToken } from "../_shared/database.ts";
import { getSigningKey } from "../_shared/environment.ts";

/** What mayfly.spawn_agent and mayfly.renew_agent return. */
const issued = z.object({
  agent: z.record(z.string(), z.unknown()),
  claims: z.looseObject({ exp: z.number() }),
  renewal_secret: z.string(),
});

export const app = createApp("spawn");

app.post("/", async (context) => {
  const body = await readBody(context, spawnRequest);
  const client = await connectAsCaller(context.req.raw);
  return answerData(
    context,
    await signed(await call(() => client.rpc("spawn_agent", body as never))),
  );
});

/** The renewal secret suffices alone: its hash travels to SQL in a token of 30 s that we sign. */
app.post("/renew", async (context) => {
  const { renewal_secret } = await readBody(context, renewRequest);
  const now = Math.floor(Date.now() / 1000);
  const token = await sign({
    iss: "mayfly",
    aud: "authenticated",
    role: "authenticated",
    iat: now,
    exp: now + 30,
    mayfly: { v: 1, renewal: await sha256(renewal_secret) },
  });
  const answer = await call(() => connectWithToken(token).rpc("renew_agent"));
  if (z.object({ refused: z.string() }).safeParse(answer).success) {
    throw new Refusal(
      401,
      "renewal_reused",
      "The renewal secret was used before: two hold it. The agent is suspended.",
      "Its parent or a member of the tenant may resume it.",
    );
  }
  return answerData(context, await signed(answer));
});

app.delete("/", async (context) => {
  const { id, reason } = await readBody(context, stopRequest);
  const client = await connectAsCaller(context.req.raw);
  return answerData(context, {
    agent: await call(() =>
      client.rpc("stop_agent", { ...(id && { id }), ...(reason && { reason }) }),
    ),
  });
});

async function signed(answer: unknown) {
  const { agent, claims, renewal_secret } = issued.parse(answer);
  return {
    agent,
    token: await sign(claims),
    token_expires_at: new Date(claims.exp * 1000).toISOString(),
    renewal_secret,
  };
}

async function sign(claims: JWTPayload): Promise<string> {
  const { key, alg, kid } = await getSigningKey();
  return new SignJWT(claims).setProtectedHeader({ alg, kid, typ: "JWT" }).sign(key);
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
