import { list, row, text } from "@mayfly/sdk/contract/answer-form";
import { fromDataApi } from "@mayfly/sdk/internal";
import { dataOf, usage } from "./failure.ts";
import { isUuid } from "./format-values.ts";
import type { Project } from "./project.ts";

/** How many ids fit into the URL of a request. */
const chunk = 100;

/** The names of a tenant's agents. Reads each name only once, because names never change. */
export class AgentNames {
  readonly #project: Project;
  readonly #names = new Map<string, string | null>();

  constructor(project: Project) {
    this.#project = project;
  }

  of(id: string | null): string | null {
    return id === null ? null : (this.#names.get(id) ?? null);
  }

  /** Asks for names that are not known yet. */
  async learn(ids: readonly (string | null)[]): Promise<void> {
    const unknown = [...new Set(ids)]
      .filter((id) => id !== null)
      .filter((id) => !this.#names.has(id));
    const { mayfly, tenant } = this.#project;
    for (let at = 0; at < unknown.length; at += chunk) {
      const asked = unknown.slice(at, at + chunk);
      const rows = dataOf(
        fromDataApi(
          await mayfly.client
            .from("agents")
            .select("id, name")
            .eq("tenant_id", tenant.id)
            .in("id", asked),
          list(row<{ id: string; name: string }>({ id: text, name: text })),
        ),
      );
      for (const id of asked) this.#names.set(id, null);
      for (const { id, name } of rows) this.#names.set(id, name);
    }
  }
}

/** The id of the agent with this name. Fails if several agents have had the name, one after the other. */
export async function agentIdOf(
  { mayfly, tenant }: Pick<Project, "mayfly" | "tenant">,
  agent: string,
): Promise<string> {
  if (isUuid(agent)) return agent;
  const [found, ...others] = dataOf(
    fromDataApi(
      await mayfly.client
        .from("agents")
        .select("id, name")
        .eq("tenant_id", tenant.id)
        .eq("name", agent)
        .limit(11),
      list(row<{ id: string; name: string }>({ id: text, name: text })),
    ),
  );
  if (!found) throw usage(`No agent is named ${agent}.`, "List all agents: mayfly agents --all");
  if (others.length > 0)
    throw usage(
      `Several agents have had the name ${agent}. Use an id instead.`,
      [found, ...others].map(({ id }) => `  ${id}`).join("\n"),
    );
  return found.id;
}
