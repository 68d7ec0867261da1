/** What the three functions share of HTTP: CORS, request ids, the envelope. */
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { cors } from "hono/cors";
import { requestId } from "hono/request-id";
import { version } from "../../sdk/src/contract/version.ts";
import { answerError, Refusal } from "./answer.ts";

/** A push has at most 4 MB as the database counts; as JSON text it may be twice as long. */
const maxBodyBytes = 8_000_000;

const exposeHeaders = ["date", "x-request-id", "x-mayfly-version", "retry-after"];

/** An app for the function `name`, whose path the platform leaves in front. */
export function createApp(name: string): Hono {
  const app = new Hono().basePath(`/${name}`);
  app.use(requestId());
  app.use(cors({ origin: "*", exposeHeaders, maxAge: 86_400 }));
  app.use(async (context, next) => {
    await next();
    // What is deployed: `mayfly doctor` compares it with itself.
    context.header("x-mayfly-version", version);
    // Answers hold tokens and what a tenant knows: nobody on the way keeps or reinterprets them.
    context.header("Cache-Control", "no-store");
    context.header("X-Content-Type-Options", "nosniff");
  });
  app.use(
    bodyLimit({
      maxSize: maxBodyBytes,
      onError: (context) => answerError(context, tooLarge(name)),
    }),
  );
  app.onError((error, context) => answerError(context, error));
  app.notFound((context) =>
    answerError(
      context,
      new Refusal(
        405,
        "method_not_allowed",
        // Not the address: who confuses it with a header has a key in it.
        `${context.req.method} is not offered at this address of ${name}.`,
      ),
    ),
  );
  return app;
}

const tooLarge = (name: string) =>
  new Refusal(
    413,
    name === "sync" ? "push_too_large" : "invalid_request",
    `The body has more than ${maxBodyBytes / 1_000_000} MB.`,
    "Split it.",
  );
