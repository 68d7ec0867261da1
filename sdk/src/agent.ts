import { AgentMemory } from "./agent-memory.ts";

/** A connection of one agent, with a token of its own that is renewed while it works. */
export class Agent extends AgentMemory {}
