/** The common data of the seed's rooms. A room is one file with one function of this type. */
import type { Agent, Mayfly, Result } from "@mayfly/sdk";

export interface World {
  /** The secret key's client, in the seeded tenant. */
  mayfly: Mayfly;
  /** Living agents, by name. */
  agents: Map<string, Agent>;
  /** Random numbers from 0 to 1, which are the same in each run. */
  random(): number;
}

/** Makes the data of one room. @returns what it made, one line for each thing. */
export type Room = (world: World) => Promise<string[]>;

/** Returns the data of an answer, or throws its error. */
export async function done<T>(answer: Promise<Result<T>>): Promise<T> {
  const { data, error } = await answer;
  if (error) throw error;
  return data as T;
}

/** The living agent of this name. */
export function agentOf({ agents }: World, name: string): Agent {
  const agent = agents.get(name);
  if (!agent) throw new Error(`The seed has no living agent ${name}.`);
  return agent;
}

/** Random numbers by mulberry32, which is short and gives the same numbers on every machine. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
