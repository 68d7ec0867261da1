import type { HeldJob } from "../jobs/held-job.ts";
import type { BegunTool, ToolRow } from "./answers.ts";
import type { ChunkWriter } from "./chunk-writer.ts";
import type { RunDoor } from "./door.ts";
import type { Outcome } from "./prompt.ts";
import type { RunContext, ToolDefinition } from "./types.ts";

/** A tool in the loop: the agent's own, or one that the loop adds. */
export interface LoopTool extends Omit<ToolDefinition, "run"> {
  run: ToolDefinition["run"];
  /**
   * Whether the job sleeps while the tool runs, for example to wait for another run. Such a tool
   * starts after all others.
   */
  sleeps?: boolean;
}

export interface Acting {
  job: HeldJob;
  door: RunDoor;
  writer: ChunkWriter;
  tools: Record<string, LoopTool>;
  /** The calls of the step that have started, by id. */
  rows: Map<string, ToolRow>;
  /** Calls that were begun in the same write that recorded the model's answer. */
  begun: BegunTool[];
  context: Omit<RunContext, "step">;
  step: number;
  tries: number;
  /** Records how calls ended. `all` has all outcomes of the step, once they are known. */
  record(ends: object[], all: Outcome[] | undefined): Promise<void>;
  /** The JSON Schema of a tool's input. */
  schemaOf(tool: LoopTool | undefined): Promise<object | undefined>;
}
