/**
 * Names of the GenAI semantic conventions. The names are literals, because the conventions are still in
 * development, and the packages with these conventions rename constants between releases.
 */
export const attribute = {
  operation: "gen_ai.operation.name",
  provider: "gen_ai.provider.name",
  agentName: "gen_ai.agent.name",
  conversation: "gen_ai.conversation.id",
  requestModel: "gen_ai.request.model",
  maxTokens: "gen_ai.request.max_tokens",
  finishReasons: "gen_ai.response.finish_reasons",
  inputTokens: "gen_ai.usage.input_tokens",
  outputTokens: "gen_ai.usage.output_tokens",
  cacheRead: "gen_ai.usage.cache_read.input_tokens",
  cacheWrite: "gen_ai.usage.cache_creation.input_tokens",
  reasoning: "gen_ai.usage.reasoning.output_tokens",
  tokenType: "gen_ai.token.type",
  toolName: "gen_ai.tool.name",
  toolDescription: "gen_ai.tool.description",
  toolType: "gen_ai.tool.type",
  toolCall: "gen_ai.tool.call.id",
  errorType: "error.type",
  messagingSystem: "messaging.system",
  messagingOperation: "messaging.operation.type",
  messagingId: "messaging.message.id",
  // Names of our own, where there is no convention.
  tenant: "mayfly.tenant.id",
  job: "mayfly.job.id",
  jobName: "mayfly.job.name",
  queue: "mayfly.job.queue",
  attempt: "mayfly.job.attempt",
  outcome: "mayfly.job.outcome",
  step: "mayfly.step.name",
  run: "mayfly.run.id",
  runStep: "mayfly.run.step",
  messageType: "mayfly.message.type",
} as const;

export const metric = {
  operationDuration: "gen_ai.client.operation.duration",
  tokenUsage: "gen_ai.client.token.usage",
  recallDuration: "mayfly.memory.recall.duration",
} as const;

/** Histogram bounds from the conventions. */
export const bounds = {
  seconds: [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92],
  tokens: Array.from({ length: 14 }, (_, n) => 4 ** n),
};

const providers: Record<string, string> = {
  "amazon-bedrock": "aws.bedrock",
  azure: "azure.ai.openai",
  google: "gcp.gemini",
  mistral: "mistral_ai",
  vertex: "gcp.vertex_ai",
  xai: "x_ai",
};

/** The AI SDK's `openai.responses` is `openai` in the conventions. */
export function providerName(provider: string): string {
  const [first = provider, second] = provider.split(".");
  if (first === "google" && second === "vertex") return "gcp.vertex_ai";
  return providers[first] ?? first;
}
