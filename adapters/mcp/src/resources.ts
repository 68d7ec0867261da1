import type { Mayfly } from "@mayfly/sdk";
import { type McpServer, ResourceTemplate } from "@modelcontextprotocol/server";

const json = (uri: URL, value: unknown) => ({
  contents: [{ uri: uri.href, mimeType: "application/json", text: JSON.stringify(value) }],
});
const one = (value: string | string[] | undefined) => decodeURIComponent([value].flat()[0] ?? "");

/** The shared states of the tenant, and single memories, as read-only resources. */
export function addResources(server: McpServer, { memory, state }: Mayfly): void {
  server.registerResource(
    "state",
    new ResourceTemplate("mayfly://states/{key}", {
      list: async () => {
        const { data, error } = await state.list({ limit: 1_000 });
        if (error) throw error;
        return {
          resources: data.map(({ key, version }) => ({
            uri: `mayfly://states/${encodeURIComponent(key)}`,
            name: key,
            description: `At version ${version}.`,
            mimeType: "application/json",
          })),
        };
      },
    }),
    {
      title: "Shared state",
      description: "A JSON document that the agents of the tenant share.",
      mimeType: "application/json",
    },
    async (uri, { key }) => {
      const { data, error } = await state.get(one(key));
      if (error) throw error;
      if (!data) throw new Error(`There is no state ${one(key)}.`);
      return json(uri, data);
    },
  );
  server.registerResource(
    "memory",
    new ResourceTemplate("mayfly://memories/{id}", { list: undefined }),
    {
      title: "Memory",
      description: "What an agent of the tenant learned. The tool recall gives the ids.",
      mimeType: "application/json",
    },
    async (uri, { id }) => {
      const { data, error } = await memory.get(one(id));
      if (error) throw error;
      if (!data) throw new Error("There is no such memory.");
      return json(uri, data);
    },
  );
}
