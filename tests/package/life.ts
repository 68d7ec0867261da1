/** An agent's whole life, in syntax that every runtime accepts. */
export const life = `async function live(Mayfly, project) {
  const mayfly = new Mayfly(project);
  const { data: agent, error } = await mayfly.spawn({ name: "packed" });
  if (error) return error.code + " " + error.message;
  await agent.remember({ task: "Rotate the signing key", output: "Import it first." });
  const { data: synced } = await agent.sync();
  const { data: recall } = await agent.recall("rotated keys");
  const { data: stopped } = await agent.stop();
  await mayfly.close();
  return { pushed: synced?.pushed, best: recall?.results[0]?.task, status: stopped?.agent.status };
}
`;
export const lived = { pushed: 1, best: "Rotate the signing key", status: "stopped" };

export const load = 'import { Mayfly } from "@mayfly/sdk";\n';
export const print = (given: string) =>
  `live(Mayfly, ${given}).then((outcome) => console.log(JSON.stringify(outcome)));`;
