/** The HTTP part that the three functions share: CORS, request ids, the envelope. */
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { cors } from "hono/cors";
import { requestId } from "hono/request-id";
import { version } from "../../sdk/src/contract/version.ts";
import { answerError, Refusal } from "./answer.ts";

/** The database accepts a push of up to 4 MB. As JSON text, the same push may be twice as long. */
const maxBodyBytes = 8_000_000;

const exposeHeaders = ["date", "x-request-id", "x-mayfly-version", "retry-after"];

/**
 * An app for the function `name`. Its paths begin with `name`, which may have the prefix of `mayfly init`.
 */
export function createApp(name: string): Hono {
  const app = new Hono().basePath(`/:installed{[\\w-]*${name}}`);
  app.use(requestId());
  app.use(cors({ origin: "*", exposeHeaders, maxAge: 86_400 }));
  app.use(async (context, next) => {
    await next();
    // The deployed version, which `mayfly doctor` compares with its own.
    context.header("x-mayfly-version", version);
    // Answers contain tokens and data of a tenant, so no cache or proxy may store or reinterpret them.
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
        // Do not show the whole address, because somebody may have put a key into it by mistake.
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
