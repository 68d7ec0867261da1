import type { Mayfly, PresentAgent } from "@mayfly/sdk";
import { find, list, make, onSubmit, showProblem } from "./dom.ts";
import { spawnReader } from "./reader.ts";

const names = new Map<string, string>();

/** The name of an agent that this page has seen. */
export const nameOf = (id: string | null): string => names.get(id ?? "") ?? "somebody";

/** Shows which agents are present, in this page and in any other process. */
export async function showAgents(mayfly: Mayfly): Promise<void> {
  onSubmit("#spawn", async (field) => {
    // Clears the field now, because the next name may be typed before the agent exists.
    find("#spawn", HTMLFormElement).reset();
    await spawnReader(mayfly, field("name"));
  });
  const { error } = await mayfly.agents.watch(
    (present) => {
      const inOrder = present.toSorted((one, other) => one.name.localeCompare(other.name));
      for (const { id, name } of inOrder) names.set(id, name);
      list("#count").textContent = inOrder.length > 0 ? `${inOrder.length} present` : "";
      list("#agents").replaceChildren(...inOrder.map((agent) => card(mayfly, agent)));
      offer(inOrder);
    },
    { onError: showProblem },
  );
  if (error) throw error;
}

function card(mayfly: Mayfly, { id, name, type, status, task }: PresentAgent): HTMLElement {
  const stop = make("button", { type: "button", className: "quiet", textContent: "Stop" });
  stop.ariaLabel = `Stop ${name}`;
  stop.addEventListener("click", async () => {
    stop.disabled = true;
    const { error } = await mayfly.agents.stop(id, "Stopped in the page.");
    showProblem(error);
  });
  const does = [type, status, task].filter(Boolean).join(" · ");
  return make(
    "li",
    { className: status ?? "" },
    make("span", { className: "dot" }),
    make("div", {}, make("strong", {}, name), make("div", { className: "does" }, does)),
    stop,
  );
}

/** The agents that you can give work to. */
function offer(agents: PresentAgent[]): void {
  const choice = find("#work select", HTMLSelectElement);
  const chosen = choice.value;
  choice.replaceChildren(
    ...agents.map(({ id, name }) => make("option", { value: id, textContent: name })),
  );
  if (agents.some(({ id }) => id === chosen)) choice.value = chosen;
}
