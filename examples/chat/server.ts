/** A small server for a chat: three routes for `useChat`, and the page by Vite. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { getRequestListener } from "@hono/node-server";
import { toUIMessageStreamResponse } from "@mayfly/ai-sdk";
import { type Agentlike, isMayflyError, type Mayfly } from "@mayfly/sdk";
import { Hono } from "hono";
import { createServer as createVite } from "vite";
import { z } from "zod";
import { Chats } from "./chats.ts";

const repository = join(import.meta.dirname, "../..");

const sent = z.object({
  id: z.string().regex(/^[\w-]{1,64}$/),
  message: z.object({
    id: z.string().max(64),
    parts: z.tuple([z.object({ type: z.literal("text"), text: z.string().min(1).max(10_000) })]),
  }),
});

/** The routes of `useChat`, which send a message and resume the last answer, and two more: history and stop. */
export function chatRoutes(mayfly: Mayfly, agent: Agentlike): Hono {
  const chats = new Chats(mayfly, agent);
  const app = new Hono();
  app.post("/api/chat", async ({ req }) => {
    const { id, message } = sent.parse(await req.json());
    const run = await chats.send(id, { id: message.id, text: message.parts[0].text });
    return toUIMessageStreamResponse(run, { signal: req.raw.signal });
  });
  app.get("/api/chat/:id/stream", async ({ req }) => {
    const run = await chats.last(req.param("id"));
    if (!run) return new Response(null, { status: 204 });
    return toUIMessageStreamResponse(run, { signal: req.raw.signal });
  });
  app.get("/api/chat/:id", async (c) => c.json(await chats.history(c.req.param("id"))));
  app.delete("/api/chat/:id", async (c) => {
    await chats.stop(c.req.param("id"));
    return c.body(null, 204);
  });
  app.onError((error, c) => {
    if (error instanceof z.ZodError) return c.text("This is no message.", 400);
    console.error(error);
    return c.text(isMayflyError(error) ? error.message : "Something went wrong.", 500);
  });
  return app;
}

export interface ChatOptions {
  mayfly: Mayfly;
  agent: Agentlike;
  /** 5174 by default. 0 means any port. */
  port?: number;
  /** The folder where Vite caches the dependencies. */
  cacheDir?: string;
}

/** Serves the page on this machine only. The page gets no key, because it asks this server. */
export async function serveChat({ mayfly, agent, port = 5174, cacheDir }: ChatOptions) {
  const http = createServer();
  const cache = cacheDir ?? join(repository, "node_modules/.vite/chat");
  const vite = await createVite({
    root: import.meta.dirname,
    configFile: false,
    logLevel: "warn",
    cacheDir: cache,
    oxc: { jsx: { runtime: "automatic", importSource: "react" } },
    optimizeDeps: {
      include: ["ai", "@ai-sdk/react", "react", "react-dom/client", "react/jsx-dev-runtime"],
    },
    server: {
      middlewareMode: true,
      hmr: { server: http },
      // Do not serve the whole repository: it contains the secret key of the embedded Supabase.
      fs: { allow: [import.meta.dirname, cache] },
    },
  });
  const api = getRequestListener(chatRoutes(mayfly, agent).fetch);
  http.on("request", (request, response) => {
    if (request.url?.startsWith("/api/")) void api(request, response);
    else vite.middlewares(request, response);
  });
  await new Promise<void>((resolve, reject) => {
    http.once("error", reject);
    http.listen(port, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/`,
    async close() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
      await vite.close();
    },
  };
}
