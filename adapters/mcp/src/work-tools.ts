import type { Mayfly } from "@mayfly/sdk";
import type { McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";
import { answered, given } from "./answers.ts";

const limit = z.int().min(1).max(100).optional();
const readOnly = { annotations: { readOnlyHint: true } };

/** Tools that find agents and send them messages. */
export function addMessageTools(server: McpServer, { agents, messages }: Mayfly): void {
  server.registerTool(
    "find_agents",
    {
      title: "Find agents",
      description:
        "Lists the running agents of this tenant, with what they can do and what they are doing.",
      inputSchema: z.object({ type: z.string().optional(), limit }),
      ...readOnly,
    },
    async (options) => answered(await agents.find({ status: "running", ...given(options) })),
  );
  server.registerTool(
    "send_message",
    {
      title: "Send a message",
      description:
        "Sends a message to an agent by its id, or to all agents of a type. An agent that is away receives it later.",
      inputSchema: z.object({
        to: z.union([z.object({ agent: z.uuid() }), z.object({ type: z.string() })]),
        type: z.string().min(1).max(100).describe("What kind of message, such as note."),
        payload: z.record(z.string(), z.unknown()),
      }),
    },
    async ({ to, type, payload }) => answered(await messages.send(to, type, payload as never)),
  );
}

/** Tools that add, read and cancel jobs. */
export function addJobTools(server: McpServer, { jobs }: Mayfly): void {
  server.registerTool(
    "add_job",
    {
      title: "Add a job",
      description: "Queues work for a worker. If there is a job with this key, nothing is added.",
      inputSchema: z.object({
        name: z.string().min(1).max(200),
        input: z.unknown().optional(),
        key: z.string().min(1).max(200).optional(),
      }),
    },
    async ({ name, input, ...options }) => answered(await jobs.add(name, input, given(options))),
  );
  server.registerTool(
    "get_job",
    {
      title: "Get a job",
      description: "A job with its steps, its failed attempts and its result.",
      inputSchema: z.object({ id: z.uuid() }),
      ...readOnly,
    },
    async ({ id }) => answered(await jobs.get(id)),
  );
  server.registerTool(
    "list_jobs",
    {
      title: "List jobs",
      description: "Lists jobs, newest first: all, or those of a queue or a name.",
      inputSchema: z.object({ queue: z.string().optional(), name: z.string().optional(), limit }),
      ...readOnly,
    },
    async (options) => answered(await jobs.list(given(options))),
  );
  server.registerTool(
    "cancel_job",
    {
      title: "Cancel a job",
      description: "Cancels a job and its children.",
      inputSchema: z.object({ id: z.uuid() }),
      annotations: { destructiveHint: true },
    },
    async ({ id }) => answered(await jobs.cancel(id)),
  );
}

/** Tools that list and decide approvals. */
export function addApprovalTools(server: McpServer, { approvals }: Mayfly): void {
  server.registerTool(
    "list_approvals",
    {
      title: "List approvals",
      description: "Requests that wait for a decision, each with its digest.",
      inputSchema: z.object({ mine: z.boolean().optional(), limit }),
      ...readOnly,
    },
    async (options) => answered(await approvals.list({ status: "pending", ...given(options) })),
  );
  server.registerTool(
    "decide_approval",
    {
      title: "Decide an approval",
      description:
        "Approves or rejects a request. Pass the digest of the request that you have read.",
      inputSchema: z.object({
        id: z.uuid(),
        digest: z.string(),
        verdict: z.enum(["approve", "reject"]),
        reason: z.string().max(2_000).optional(),
      }),
      annotations: { destructiveHint: true },
    },
    async ({ verdict, reason, ...approval }) =>
      answered(await approvals[verdict](approval, given({ reason }))),
  );
}
