/** Spawns agents and teams, renews their tokens, resumes and stops them. */
import { type JWTPayload, SignJWT } from "jose";
import { z } from "zod";
import {
  renewRequest,
  resumeRequest,
  spawnRequest,
  stopRequest,
  teamRequest,
} from "../../sdk/src/contract/schemas.ts";
import { answerData, Refusal, readBody } from "../_shared/answer.ts";
import { createApp } from "../_shared/app.ts";
import { call, connectAsCaller, connectWithToken, type MayflyClient } from "../_shared/database.ts";
import { getSigningKey } from "../_shared/environment.ts";

/** What mayfly.spawn_agent, spawn_team, renew_agent and resume_agent return for an agent. */
const issued = z.looseObject({
  agent: z.custom<Record<string, unknown>>((value) => typeof value === "object" && value !== null),
  claims: z.looseObject({ exp: z.number() }),
  renewal_secret: z.string(),
});

const namedTeam = z.object({ team: z.unknown(), agents: z.array(z.unknown()) });

export const app = createApp("spawn");

app.post("/", async (context) => {
  const body = await readBody(context, spawnRequest);
  const client = await connectToSpawn(context.req.raw);
  const answer = await call(() => client.rpc("spawn_agent", body as never));
  return answerData(context, await signed(answer));
});

app.post("/team", async (context) => {
  const { team, as: settings } = await readBody(context, teamRequest);
  const client = await connectToSpawn(context.req.raw);
  if (settings) {
    const named = await call(() =>
      client.rpc("spawn_named_team", { team: team as never, settings: settings as never }),
    );
    const { team: made, agents } = namedTeam.parse(named);
    return answerData(context, { team: made, agents: await Promise.all(agents.map(signed)) });
  }
  const answer = await call(() => client.rpc("spawn_team", { team: team as never }));
  return answerData(context, await Promise.all(z.array(z.unknown()).parse(answer).map(signed)));
});

app.post("/resume", async (context) => {
  const { id } = await readBody(context, resumeRequest);
  const client = await connectAsCaller(context.req.raw);
  return answerData(context, await signed(await call(() => client.rpc("resume_agent", { id }))));
});

/**
 * The caller needs only the renewal secret. SQL gets the hash of this secret in a token that the function
 * signs.
 */
app.post("/renew", async (context) => {
  const { renewal_secret, extend } = await readBody(context, renewRequest);
  const client = await connectByHash("renewal", renewal_secret);
  const answer = await call(() => client.rpc("renew_agent", { ...(extend && { extend }) }));
  if (z.object({ refused: z.string() }).safeParse(answer).success) {
    throw new Refusal(
      401,
      "renewal_reused",
      "The renewal secret was used twice, so the agent is suspended.",
      "Its parent or a member of the tenant can resume it.",
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

/** Connects as anyone who may spawn, including a machine with its enrolment key. */
function connectToSpawn(request: Request): Promise<MayflyClient> {
  const enrolmentKey = request.headers.get("x-mayfly-enrolment");
  return enrolmentKey ? connectByHash("enrolment", enrolmentKey) : connectAsCaller(request);
}

/** A client with a token that contains only the hash of a secret, and is valid for 30 s. */
async function connectByHash(
  claim: "renewal" | "enrolment",
  secret: string,
): Promise<MayflyClient> {
  const now = Math.floor(Date.now() / 1000);
  const token = await sign({
    iss: "mayfly",
    aud: "authenticated",
    role: "authenticated",
    iat: now,
    exp: now + 30,
    mayfly: { v: 1, [claim]: await sha256(secret) },
  });
  return connectWithToken(token);
}

async function signed(answer: unknown) {
  const { agent, claims, renewal_secret, ...rest } = issued.parse(answer);
  return {
    ...rest,
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
