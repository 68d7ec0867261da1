import type { HeldJob } from "../jobs/held-job.ts";
import type { ToolRow } from "./answers.ts";
import type { ChunkWriter } from "./chunk-writer.ts";
import type { RunDoor } from "./door.ts";
import type { RunContext, ToolDefinition } from "./types.ts";

/** A tool in the loop: the agent's own, or one that the loop adds. */
export interface LoopTool extends Omit<ToolDefinition, "run"> {
  run: ToolDefinition["run"];
  /** The job sleeps in it, for example for another run, so it starts after all others. */
  sleeps?: boolean;
}

export interface Acting {
  job: HeldJob;
  door: RunDoor;
  writer: ChunkWriter;
  tools: Record<string, LoopTool>;
  /** The calls of the step that have started, by id. */
  rows: Map<string, ToolRow>;
  context: Omit<RunContext, "step">;
  step: number;
  tries: number;
  /** The JSON Schema of a tool's input. */
  schemaOf(tool: LoopTool | undefined): Promise<object | undefined>;
}
