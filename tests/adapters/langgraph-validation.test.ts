/**
 * LangGraph's own suite for checkpointers, `@langchain/langgraph-checkpoint-validation`. It tests LangGraph's
 * MemorySaver and our checkpointer. Ours has to pass every test that MemorySaver passes.
 */
import { MemorySaver } from "@langchain/langgraph-checkpoint";
import { MayflySaver } from "@mayfly/langgraph";
import type { Mayfly } from "@mayfly/sdk";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";

// The suite calls these functions of Vitest as globals.
Object.assign(globalThis, { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it });
const { deltaChannelHistoryTests, validate } = await import(
  "@langchain/langgraph-checkpoint-validation"
);

let local: TestLocal;
let mayfly: Mayfly;
beforeAll(async () => {
  local = await startTestLocal();
});
afterAll(() => local?.close());

const memory = { checkpointerName: "MemorySaver", createCheckpointer: () => new MemorySaver() };
const ours = {
  checkpointerName: "@mayfly/langgraph",
  async createCheckpointer() {
    ({ mayfly } = await local.enter());
    return new MayflySaver(mayfly);
  },
  async destroyCheckpointer() {
    await mayfly.close();
  },
};
for (const saver of [memory, ours]) {
  validate(saver as never);
  deltaChannelHistoryTests(saver as never);
}
