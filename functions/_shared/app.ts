/** What the three functions share of HTTP: CORS, request ids, the envelope. */
import { Hono } from "hono";
import { cors } from "hono/cors";
import { requestId } from "hono/request-id";
import { version } from "../../sdk/src/version.ts";
import { answerError, Refusal } from "./answer.ts";

const exposeHeaders = ["date", "x-request-id", "x-mayfly-version", "retry-after"];

/** An app for the function `name`, whose path the platform leaves in front. */
export function createApp(name: string): Hono {
  const app = new Hono().basePath(`/${name}`);
  app.use(requestId());
  app.use(cors({ origin: "*", exposeHeaders, maxAge: 86_400 }));
  // What is deployed: `mayfly doctor` compares it with itself.
  app.use(async (context, next) => {
    await next();
    context.header("x-mayfly-version", version);
  });
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
