/** The three functions as OpenAPI 3.1. */
import { z } from "zod";
import {
  queryRequest,
  renewRequest,
  resumeRequest,
  spawnRequest,
  stopRequest,
  teamRequest,
} from "../../sdk/src/contract/schemas.ts";
import { syncRequest } from "../../sdk/src/contract/sync-request.ts";
import { version } from "../../sdk/src/contract/version.ts";
import {
  drainAnswer,
  errorAnswer,
  issuedAgent,
  queryAnswer,
  stoppedAgent,
  syncAnswer,
} from "./answers.ts";

interface Endpoint {
  path: string;
  method: "post" | "delete";
  summary: string;
  request?: z.ZodType;
  answer: z.ZodType;
  security: Record<string, never[]>[];
}

/** How a call with only a key is secured. The key must be the secret key. */
const secret = [{ apikey: [] }];
const caller = [{ bearer: [], apikey: [] }, ...secret];

export const endpoints: Endpoint[] = [
  {
    path: "/spawn",
    method: "post",
    summary: "Spawns an agent.",
    request: spawnRequest,
    answer: issuedAgent,
    security: [...caller, { enrolment: [], apikey: [] }],
  },
  {
    path: "/spawn/team",
    method: "post",
    summary: "Spawns a team, all or none.",
    request: teamRequest,
    answer: z.array(issuedAgent),
    security: [...caller, { enrolment: [], apikey: [] }],
  },
  {
    path: "/spawn/resume",
    method: "post",
    summary: "Resumes a suspended agent.",
    request: resumeRequest,
    answer: issuedAgent,
    security: caller,
  },
  {
    path: "/spawn/renew",
    method: "post",
    summary:
      "Gives an agent its next token. The caller needs only the renewal secret, which changes with each use.",
    request: renewRequest,
    answer: issuedAgent,
    security: [{ apikey: [] }],
  },
  {
    path: "/spawn",
    method: "delete",
    summary: "Stops an agent and its descendants. Without an id, stops the calling agent.",
    request: stopRequest,
    answer: stoppedAgent,
    security: caller,
  },
  {
    path: "/sync",
    method: "post",
    summary: "Pushes what was learned, each operation at most once, and pulls what is new.",
    request: syncRequest,
    answer: syncAnswer,
    security: caller,
  },
  {
    path: "/sync/drain",
    method: "post",
    summary: "Embeds waiting memories for about a second. Only for the secret key, in one tenant.",
    answer: drainAnswer,
    security: secret,
  },
  {
    path: "/query",
    method: "post",
    summary: "Recalls the memories that answer a question best.",
    request: queryRequest,
    answer: queryAnswer,
    security: caller,
  },
];

/** The document of `docs/openapi.json`. */
export function openapi() {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const endpoint of endpoints) {
    paths[endpoint.path] = {
      ...paths[endpoint.path],
      [endpoint.method]: {
        operationId: endpoint.method + endpoint.path.replace(/\/(\w)/g, upper),
        summary: endpoint.summary,
        security: endpoint.security,
        parameters: [{ $ref: "#/components/parameters/tenant" }],
        ...(endpoint.request && {
          requestBody: {
            // DELETE and similar methods treat an empty body as {}.
            required: endpoint.method !== "delete",
            content: json(schemaOf(endpoint.request, "input")),
          },
        }),
        responses: {
          200: { description: "Done.", content: json(envelope(endpoint.answer)) },
          default: { $ref: "#/components/responses/error" },
        },
      },
    };
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "Mayfly",
      version,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      description:
        "The edge functions of a Mayfly project. A text must not contain U+0000 or half a surrogate pair. A body has at most 8 MB and 64 levels.",
    },
    servers: [
      {
        url: "{project}/functions/v1",
        variables: { project: { default: "http://127.0.0.1:54321" } },
      },
    ],
    paths,
    components: {
      parameters: {
        tenant: {
          name: "x-mayfly-tenant",
          in: "header",
          required: false,
          description:
            "The tenant. Needed with the secret key, and by a person in several tenants.",
          schema: { type: "string", format: "uuid" },
        },
      },
      responses: {
        error: {
          description:
            "The request was refused or has failed. Retry-After says after how many seconds to try again, if that can help.",
          content: json({ $ref: "#/components/schemas/Error" }),
        },
      },
      schemas: { Error: schemaOf(errorAnswer, "output") },
      securitySchemes: {
        apikey: {
          type: "apiKey",
          in: "header",
          name: "apikey",
          description:
            "The publishable key or, on a server, the secret key, which needs no bearer token.",
        },
        bearer: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "JWT",
          description: "The token of an agent or of a signed-in person.",
        },
        enrolment: {
          type: "apiKey",
          in: "header",
          name: "x-mayfly-enrolment",
          description:
            "A machine's enrolment key (mfk_…), which can spawn agents and do nothing else.",
        },
      },
    },
  };
}

const upper = (_: string, letter: string) => letter.toUpperCase();
const json = (schema: unknown) => ({ "application/json": { schema } });
const envelope = (data: z.ZodType) => schemaOf(z.object({ data, error: z.null() }), "output");

function schemaOf(schema: z.ZodType, io: "input" | "output") {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "throw" });
  return rest;
}
