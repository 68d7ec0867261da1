import type { Mayfly } from "@mayfly/sdk";
import type { McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";
import { answered, given } from "./answers.ts";

const tags = z.array(z.string()).optional();

/** Tools that recall, add and erase what the tenant's agents have learned. */
export function addMemoryTools(server: McpServer, { memory }: Mayfly): void {
  server.registerTool(
    "recall",
    {
      title: "Recall",
      description:
        "Finds what agents of this tenant learned earlier, by words and by meaning. Use it before you start a task.",
      inputSchema: z.object({
        query: z.string().describe("What you want to know, in plain words."),
        limit: z.int().min(1).max(50).optional().describe("How many memories; 10 by default."),
        tags: tags.describe("Only memories with all of these tags."),
      }),
      annotations: { readOnlyHint: true },
    },
    async ({ query, ...options }) => {
      const found = await memory.recall(query, given(options));
      if (found.error) return answered(found);
      const data = found.data.results.map(
        ({ id, kind, task, input, output, agentName, score, createdAt }) => {
          return { id, kind, task, input, output, agentName, score, createdAt };
        },
      );
      return answered({ data, error: null });
    },
  );
  server.registerTool(
    "remember",
    {
      title: "Remember",
      description:
        "Keeps something that later agents of this tenant should find. With a key, it replaces the memory with that key.",
      inputSchema: z.object({
        task: z.string().max(2_000).describe("What it is about."),
        output: z.string().max(100_000).describe("What is to be remembered."),
        input: z.string().max(100_000).optional().describe("What it was learned from."),
        tags,
        key: z.string().min(1).max(200).optional(),
      }),
    },
    async (entry) => answered(await memory.remember(given(entry))),
  );
  server.registerTool(
    "forget",
    {
      title: "Forget",
      description: "Erases a memory for good.",
      inputSchema: z.object({ id: z.uuid() }),
      annotations: { destructiveHint: true },
    },
    async ({ id }) => answered(await memory.forget(id)),
  );
}
