/** Supports A2A 1.0, and A2A 0.3 for clients that do not know 1.0. */
import { A2A_VERSION_HEADER, AgentCard } from "@a2a-js/sdk";
import { A2A_LEGACY_PROTOCOL_VERSION } from "@a2a-js/sdk/compat/v0_3";
import { LegacyJsonRpcTransportHandler } from "@a2a-js/sdk/compat/v0_3/server";
import { type A2ARequestHandler, JsonRpcTransportHandler } from "@a2a-js/sdk/server";
import { saidOf } from "./errors.ts";

/** The version of a request. The protocol defines that a request without the header has version 0.3. */
export const versionOf = (request: Request): string =>
  request.headers.get(A2A_VERSION_HEADER) || A2A_LEGACY_PROTOCOL_VERSION;

/** Whether a client speaks A2A 0.3. */
export const isOld = (version: string): boolean => version === A2A_LEGACY_PROTOCOL_VERSION;

/** The methods of JSON-RPC in this version. */
export const methodsOf = (version: string, requests: A2ARequestHandler) =>
  isOld(version)
    ? new LegacyJsonRpcTransportHandler(requests)
    : new JsonRpcTransportHandler(requests);

/** An error in the form of this version. */
export const errorOf = (version: string, error: unknown): object =>
  isOld(version)
    ? LegacyJsonRpcTransportHandler.mapToLegacyJSONRPCError(saidOf(error))
    : JsonRpcTransportHandler.mapToJSONRPCError(saidOf(error));

/**
 * The card as JSON. A client that does not say that it speaks 1.0 gets the fields of both versions. Their
 * names differ, except for `securitySchemes`, where each entry has the fields of both versions.
 */
export function cardJson(card: AgentCard, version: string): object {
  const whole = AgentCard.toJSON(card) as { securitySchemes: Record<string, object> };
  if (!isOld(version)) return whole;
  return {
    ...whole,
    url: card.supportedInterfaces[0]?.url,
    preferredTransport: "JSONRPC",
    protocolVersion: "0.3.0",
    securitySchemes: {
      bearer: { ...whole.securitySchemes.bearer, type: "http", scheme: "bearer" },
    },
    security: [{ bearer: [] }],
  };
}
