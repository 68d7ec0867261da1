"use client";
import { useAgents, useMayfly } from "@mayfly/react";
import { type FormEvent, useState } from "react";

/** Shows which agents are present, in this window and all others, and what they have learned. */
export function Team() {
  const mayfly = useMayfly();
  const { data: agents, error: unseen } = useAgents();
  const [answers, setAnswers] = useState<string[]>();
  const [problem, setProblem] = useState("");

  async function spawn(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const note = String(new FormData(form).get("note"));
    form.reset();
    const { data: agent, error } = await mayfly.spawn({ lifetime: 120 });
    if (error) return setProblem(error.message);
    await agent.presence.track({ status: "reading", task: note.slice(0, 60) });
    await agent.remember({ task: "Read a note", output: note });
    const { error: unsent } = await agent.sync();
    if (unsent) setProblem(unsent.message);
    await agent.presence.track({ status: "idle", task: "" });
  }

  async function recall(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const query = String(new FormData(event.currentTarget).get("query"));
    const { data, error } = await mayfly.memory.recall(query, { limit: 3 });
    if (error) return setProblem(error.message);
    setAnswers(data.results.map(({ output, agentName }) => `${output} (${agentName})`));
  }

  return (
    <main>
      <h1>Live agents</h1>
      <form onSubmit={spawn}>
        <input name="note" placeholder="Something to learn" required />
        <button type="submit">Spawn an agent</button>
      </form>
      <p>{agents.length} present</p>
      <ul aria-label="Agents">
        {agents.map(({ id, name, status, task }) => (
          <li key={id} data-status={status}>
            <strong>{name}</strong> {[status, task].filter(Boolean).join(": ")}
            <button
              type="button"
              onClick={() => void mayfly.agents.stop(id, "Stopped in the page.")}
            >
              Stop
            </button>
          </li>
        ))}
      </ul>
      <form onSubmit={recall}>
        <input name="query" placeholder="What do you want to know?" required />
        <button type="submit">Ask the memory</button>
      </form>
      <ul aria-label="Answers">
        {answers?.length === 0 && <li>Nobody knows anything about it.</li>}
        {answers?.map((answer) => (
          <li key={answer}>{answer}</li>
        ))}
      </ul>
      <p role="alert">{problem || unseen?.message}</p>
    </main>
  );
}
