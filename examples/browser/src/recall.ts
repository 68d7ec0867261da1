import type { Mayfly, RecalledMemory } from "@mayfly/sdk";
import { find, list, make, onSubmit } from "./dom.ts";

/**
 * Answers questions. For each question, spawns an agent that lives for this question only and knows
 * nothing itself.
 */
export function answerQuestions(mayfly: Mayfly): void {
  onSubmit("#recall", async (field) => {
    const newcomer = { type: "newcomer", lifetime: 30, scopes: ["memory:read"], pull: false };
    const { data: recall, error } = await mayfly.run(newcomer, async (agent) => {
      const { data, error } = await agent.recall(field("query"), { limit: 5 });
      if (error) throw error;
      return data;
    });
    if (error) throw error;
    const { mode, model, problem, results } = recall;
    const by = mode === "hybrid" ? `by words and by meaning (${model})` : `by words: ${problem}`;
    find("#recall-mode", HTMLElement).textContent =
      results.length > 0 ? by : "Nobody knows anything about it.";
    list("#memories").replaceChildren(...results.map(row));
  });
}

function row({ task, output, agentName, agentEndedAt, score }: RecalledMemory): HTMLElement {
  const ended = agentEndedAt ? `, ended ${agentEndedAt.toLocaleTimeString()}` : "";
  const meta = `${task} · learned by ${agentName ?? "a person"}${ended} · ${score.toFixed(2)}`;
  return make("li", {}, make("p", {}, output), make("p", { className: "meta" }, meta));
}
