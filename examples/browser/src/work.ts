import type { Mayfly } from "@mayfly/sdk";
import { onSubmit } from "./dom.ts";

/** Gives work to an agent. The message also reaches an agent that is offline at the moment. */
export function giveWork(mayfly: Mayfly): void {
  onSubmit("#work", async (field) => {
    const { error } = await mayfly.messages.send(field("to"), "task_assignment", {
      task: field("task"),
      context: { text: field("text") },
    });
    if (error) throw error;
  });
}
