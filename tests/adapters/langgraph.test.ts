import { AIMessage, HumanMessage } from "@langchain/core/messages";
import {
  Command,
  END,
  interrupt,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { MayflySaver } from "@mayfly/langgraph";
import type { Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";

let local: TestLocal;
let mayfly: Mayfly;
beforeAll(async () => {
  local = await startTestLocal();
});
afterAll(() => local?.close());
beforeEach(async () => {
  await mayfly?.close();
  ({ mayfly } = await local.enter());
});

/** A stand-in for a model. It answers with the number of messages that it has seen. */
const chat = (checkpointer: MayflySaver, words = "") =>
  new StateGraph(MessagesAnnotation)
    .addNode("model", ({ messages }) => ({
      messages: [new AIMessage(`I have seen ${messages.length}. ${words}`)],
    }))
    .addEdge(START, "model")
    .addEdge("model", END)
    .compile({ checkpointer });
const thread = (thread_id: string) => ({ configurable: { thread_id } });
const textsOf = (state: { values: Record<string, unknown> }) =>
  (state.values.messages as { text: string }[]).map(({ text }) => text.trim());

describe("the checkpointer", () => {
  it("continues a thread in another process, and hides it from another tenant", async () => {
    await chat(new MayflySaver(mayfly)).invoke(
      { messages: [new HumanMessage("One")] },
      thread("a"),
    );
    const graph = chat(new MayflySaver(mayfly));
    await graph.invoke({ messages: [new HumanMessage("Two")] }, thread("a"));
    expect(textsOf(await graph.getState(thread("a")))).toEqual([
      "One",
      "I have seen 1.",
      "Two",
      "I have seen 3.",
    ]);
    const { mayfly: other } = await local.enter();
    expect((await chat(new MayflySaver(other)).getState(thread("a"))).values).toEqual({});
    await other.close();
  });

  it("lets a graph ask a person and continue with the answer", async () => {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("ask", () => ({ messages: [new AIMessage(`You said ${interrupt("Shall I?")}`)] }))
      .addEdge(START, "ask")
      .compile({ checkpointer: new MayflySaver(mayfly) });
    await graph.invoke({ messages: [new HumanMessage("Delete it")] }, thread("ask"));
    const { tasks } = await graph.getState(thread("ask"));
    expect(tasks[0]?.interrupts[0]?.value).toBe("Shall I?");
    await graph.invoke(new Command({ resume: "yes" }), thread("ask"));
    expect(textsOf(await graph.getState(thread("ask")))).toEqual(["Delete it", "You said yes"]);
  });

  it("can go back to an earlier checkpoint and branch from there", async () => {
    const graph = chat(new MayflySaver(mayfly));
    for (const text of ["One", "Two"])
      await graph.invoke({ messages: [new HumanMessage(text)] }, thread("b"));
    const history = [];
    for await (const state of graph.getStateHistory(thread("b"))) history.push(state);
    const early = history.find((state) => textsOf(state).length === 2);
    await graph.invoke({ messages: [new HumanMessage("Else")] }, early?.config);
    expect(textsOf(await graph.getState(thread("b")))).toEqual([
      "One",
      "I have seen 1.",
      "Else",
      "I have seen 3.",
    ]);
    const two = history.find((state) => textsOf(state).length === 4);
    expect(textsOf(await graph.getState(two?.config ?? {}))[2]).toBe("Two");
  });

  it("works for an agent with the needed scopes, and refuses an agent without them", async () => {
    const { data: agent, error } = await mayfly.spawn({ scopes: ["thread:read", "thread:write"] });
    if (error) throw error;
    await chat(new MayflySaver(agent)).invoke({ messages: [new HumanMessage("Hi")] }, thread("c"));
    const { data: reader } = await mayfly.spawn({ scopes: ["thread:read"] });
    if (!reader) throw new Error("no reader");
    const graph = chat(new MayflySaver(reader));
    expect(textsOf(await graph.getState(thread("c")))).toHaveLength(2);
    await expect(
      graph.invoke({ messages: [new HumanMessage("Hi")] }, thread("c")),
    ).rejects.toMatchObject({ code: "scope_missing" });
  });

  it("needs storage in proportion to the text of a thread, and less than three times as much", async () => {
    const words = "Everything that is said here is said once and kept. ".repeat(20);
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("model", ({ messages }) => ({
        messages: [new AIMessage(`${messages.length} ${words}`)],
      }))
      .addEdge(START, "model")
      .addConditionalEdges("model", ({ messages }, { configurable }) =>
        messages.length === configurable?.most ? END : "model",
      )
      .compile({ checkpointer: new MayflySaver(mayfly) });
    const upTo = async (most: number) => {
      const configurable = { thread_id: "long", most };
      const input = most === 100 ? { messages: [new HumanMessage(words)] } : { messages: [] };
      await graph.invoke(input, { configurable, recursionLimit: 250 });
      const { data } = await mayfly.threads.list();
      return data?.[0]?.bytes ?? 0;
    };
    // Each step adds one message.
    const [first, second] = [await upTo(100), await upTo(200)];
    expect(second).toBeLessThan(3 * 200 * words.length);
    expect(second - first).toBeLessThan(1.1 * first);
  });
});
