import "./agents.css";
import type { PageProps } from "../page.ts";
import { AgentList } from "./agent-list.tsx";
import { OneAgent } from "./one-agent.tsx";

/** All agents of the past hour, or one of them. */
export default function Agents({ space, rest }: PageProps) {
  const [id] = rest;
  return id ? <OneAgent key={id} space={space} id={id} /> : <AgentList space={space} />;
}
