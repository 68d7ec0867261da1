/** How a span of the SDK appears in OpenTelemetry: its name, its kind, its attributes. */
import type { SpanAbout, SpanFacts } from "@mayfly/sdk";
import { type Attributes, type Context, ROOT_CONTEXT, SpanKind } from "@opentelemetry/api";
import { attribute as a, providerName } from "./names.ts";
import { contextOf, contextOfJob } from "./trace-context.ts";

export interface Described {
  name: string;
  kind: SpanKind;
  attributes: Attributes;
  /** The context of the parent. If undefined, the parent is the span that is current when this one begins. */
  parent?: Context;
}

const { CLIENT, CONSUMER, INTERNAL, PRODUCER } = SpanKind;
const messaging = { [a.messagingSystem]: "mayfly" };
const verbs = { job: "add job", run: "start run", message: "send" };

export function describe(about: SpanAbout): Described {
  switch (about.kind) {
    case "add": {
      const { what, name, tenantId } = about;
      const attributes = { ...messaging, [a.messagingOperation]: "send", [a.tenant]: tenantId };
      return { name: `${verbs[what]} ${name}`, kind: PRODUCER, attributes: known(attributes) };
    }
    case "job": {
      const { name, id, queue, attempt, tenantId, trace } = about;
      const attributes = {
        [a.jobName]: name,
        [a.job]: id,
        [a.queue]: queue,
        [a.attempt]: attempt,
        [a.tenant]: tenantId,
      };
      const parent = contextOf(trace) ?? contextOfJob(id);
      return { name: `job ${name}`, kind: CONSUMER, attributes, parent };
    }
    case "message": {
      const { type, id, tenantId, trace } = about;
      const attributes = known({
        ...messaging,
        [a.messagingOperation]: "process",
        [a.messagingId]: id,
        [a.messageType]: type,
        [a.tenant]: tenantId,
      });
      const parent = contextOf(trace) ?? ROOT_CONTEXT;
      return { name: `process ${type}`, kind: CONSUMER, attributes, parent };
    }
    case "step": {
      const attributes = { [a.step]: about.name, [a.job]: about.jobId, [a.attempt]: about.attempt };
      // The name of a step in a map contains the number of its item. It is removed, because there
      // should be few span names.
      return { name: `step ${about.name.replace(/\[\d+\]/g, "[]")}`, kind: INTERNAL, attributes };
    }
    case "agent": {
      const attributes = {
        [a.operation]: "invoke_agent",
        [a.agentName]: about.name,
        [a.conversation]: about.runId,
        [a.run]: about.runId,
        [a.attempt]: about.attempt,
      };
      return { name: `invoke_agent ${about.name}`, kind: INTERNAL, attributes };
    }
    case "model": {
      const attributes = {
        [a.operation]: "chat",
        [a.provider]: providerName(about.provider),
        [a.requestModel]: about.model,
        [a.run]: about.runId,
        [a.runStep]: about.step,
      };
      return { name: `chat ${about.model}`, kind: CLIENT, attributes };
    }
    case "tool": {
      const attributes = known({
        [a.operation]: "execute_tool",
        [a.toolName]: about.name,
        [a.toolType]: "function",
        [a.toolCall]: about.callId,
        [a.toolDescription]: about.description,
        [a.run]: about.runId,
      });
      return { name: `execute_tool ${about.name}`, kind: INTERNAL, attributes };
    }
    case "recall": {
      const attributes = known({ [a.operation]: "recall", [a.tenant]: about.tenantId });
      return { name: "recall", kind: CLIENT, attributes };
    }
  }
}

/** Attributes that became known during the span. */
export function described({ id, outcome, maxTokens, finish, usage, error }: SpanFacts): Attributes {
  return known({
    [a.messagingId]: id,
    [a.outcome]: outcome,
    [a.maxTokens]: maxTokens,
    [a.finishReasons]: finish === undefined ? undefined : [finish],
    [a.inputTokens]: usage?.input,
    [a.outputTokens]: usage?.output,
    [a.cacheRead]: usage?.cache_read,
    [a.cacheWrite]: usage?.cache_write,
    [a.reasoning]: usage?.reasoning,
    [a.errorType]: error?.code,
  });
}

const known = (attributes: Attributes): Attributes =>
  Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
