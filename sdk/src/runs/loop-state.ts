import type { Tell } from "../contract/telemetry.ts";
import type { Reservations } from "../costs/reservations.ts";
import type { HeldJob } from "../jobs/held-job.ts";
import type { Ai, ModelMessage } from "./ai.ts";
import type { BegunTool, RunLog, RunRow } from "./answers.ts";
import { ChunkWriter } from "./chunk-writer.ts";
import { RunDoor } from "./door.ts";
import { loopTools } from "./loop-tools.ts";
import type { Granted, ModelRequest } from "./model-call.ts";
import { type SecretResolver, secretsOf } from "./secrets.ts";
import type { LoopTool } from "./tool-step.ts";
import type { Agentlike, RunContext } from "./types.ts";

/**
 * By default, OpenAI stores conversations. A run must depend only on what the database has, so this is
 * turned off.
 */
function withoutState(settings: { providerOptions?: unknown } = {}) {
  const { openai, ...others } = Object(settings.providerOptions) as Record<string, object>;
  return { ...others, openai: { store: false, ...openai } };
}

/** The input of a loop. */
export interface LoopParts {
  ai: Ai;
  job: HeldJob;
  reservations: Reservations;
  secrets?: SecretResolver | undefined;
  /** Adds facts to the run's span. */
  tell: Tell;
}

/** The state of a loop. It can be rebuilt from what is recorded. */
export class LoopState {
  readonly parts: LoopParts;
  readonly door: RunDoor;
  readonly messages: ModelMessage[] = [];
  agent: Agentlike<unknown>;
  tools: Record<string, LoopTool> = {};
  log: RunLog = { inputs: [], context: null, calls: [], tools: [] };
  run = {} as RunRow;
  writer: ChunkWriter;
  /** Tool calls that the database began when it recorded the model's answer. */
  begun: BegunTool[] = [];
  /** The reservation of the next model call, if it was made when the tools' results were recorded. */
  granted: Granted | undefined;
  /** How many input and output tokens the last call had. */
  known: number | undefined;
  /** Whether the previous answer did not match the schema. */
  isRepair = false;
  readonly #secret: RunContext["secret"];
  #sdkTools: Record<string, unknown> = {};

  constructor(parts: LoopParts, agent: Agentlike<unknown>) {
    const { job, secrets } = parts;
    this.parts = parts;
    this.agent = agent;
    this.door = new RunDoor(job);
    this.writer = new ChunkWriter(this.door, 0);
    this.#secret = secretsOf(secrets, job.tenantId, this.door);
  }

  /** The context of tools and model factories. */
  get context(): Omit<RunContext, "step"> {
    const { id: runId, tenantId } = this.parts.job;
    return { runId, tenantId, agent: this.agent.name, secret: this.#secret };
  }

  /** Continues the run as another agent, with that agent's instructions and tools. */
  async become(agent: Agentlike<unknown>): Promise<void> {
    const { ai, job } = this.parts;
    this.agent = agent;
    this.tools = { ...(agent.options.tools ?? {}), ...loopTools(agent, this.door, job) };
    this.#sdkTools = {};
    for (const [name, tool] of Object.entries(this.tools)) {
      const { description, input } = tool;
      // The tools have no `execute`, because we run them ourselves, under the job's lease.
      this.#sdkTools[name] = ai.tool({
        ...(description !== undefined && { description }),
        inputSchema: ai.jsonSchema(await this.schemaOf(tool), {
          validate: async (value) => {
            const checked = await input["~standard"].validate(value);
            return checked.issues
              ? { success: false, error: new Error(checked.issues[0]?.message) }
              : { success: true, value };
          },
        }),
      });
    }
  }

  /** The JSON Schema of a tool's input, for the model and the deciders. */
  async schemaOf({ input }: Pick<LoopTool, "input">): Promise<object> {
    const { json } = input as { json?: object };
    const schema = json ?? (await this.parts.ai.asSchema(input as never).jsonSchema);
    const { $schema: _of, ...rest } = schema as { $schema?: string };
    return rest;
  }

  /** Gives back the reservation of a call that will not be made now. */
  async dropGranted(): Promise<void> {
    const { granted } = this;
    this.granted = undefined;
    if (granted) await this.parts.reservations.release(granted.id);
  }

  /** What to ask in the next model call. */
  request(): ModelRequest {
    const { instructions, output, settings, maxOutputTokens = 8_192 } = this.agent.options;
    return {
      instructions,
      messages: [...this.messages],
      tools: this.#sdkTools,
      settings: { ...settings, providerOptions: withoutState(settings), maxOutputTokens },
      ...(output && { output: this.parts.ai.Output.object({ schema: output as never }) }),
    };
  }
}
