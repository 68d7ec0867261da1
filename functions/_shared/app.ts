/** What the three functions share of HTTP: CORS, request ids, the envelope. */
import { Hono } from "hono";
import { cors } from "hono/cors";
import { requestId } from "hono/request-id";
import { answerError, Refusal } from "./answer.ts";

/** An app for the function `name`, whose path the platform leaves in front. */
export function createApp(name: string): Hono {
  const app = new Hono().basePath(`/${name}`);
  app.use(requestId());
  app.use(
    cors({ origin: "*", exposeHeaders: ["date", "x-request-id", "retry-after"], maxAge: 86_400 }),
  );
  app.onError((error, context) => answerError(context, error));
  app.notFound((context) =>
    answerError(
      context,
      new Refusal(
        405,
        "method_not_allowed",
        `${context.req.method} ${context.req.path} is not offered.`,
      ),
    ),
  );
  return app;
}
