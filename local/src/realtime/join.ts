import { randomUUID } from "node:crypto";
import { isObject, type Json, type JsonObject } from "./json.ts";

/** What a join asks for. */
export interface JoinRequest {
  ack: boolean;
  self: boolean;
  private: boolean;
  replicationReady: boolean;
  presenceEnabled: boolean;
  presenceKey: string;
  /** Undefined if the join asks for no replay. Null if the parameters of the replay are wrong. */
  replay: { since: number; limit: number } | null | undefined;
  token: string | undefined;
  postgresChanges: boolean;
  /**
   * Whether the join comes from an old client, which sends no config. Then the topic says which
   * postgres_changes the client wants.
   */
  legacy: boolean;
  /** Whether the config is not an object. */
  malformed: boolean;
}

const maxReplayed = 25;

/** Reads a join's payload as leniently as the server. Values with a wrong type are left out. */
export function parseJoin(payload: JsonObject): JoinRequest {
  const config = isObject(payload.config) ? payload.config : {};
  const broadcast = isObject(config.broadcast) ? config.broadcast : {};
  const presence = isObject(config.presence) ? config.presence : {};
  const changes = Array.isArray(config.postgres_changes) ? config.postgres_changes : [];
  return {
    ack: flag(broadcast.ack),
    self: flag(broadcast.self),
    private: flag(config.private),
    replicationReady: flag(broadcast.replication_ready),
    presenceEnabled: flag(presence.enabled),
    presenceKey: presenceKey(presence.key),
    replay: replayOf(broadcast),
    token: [payload.user_token, payload.access_token].find((token) => typeof token === "string"),
    postgresChanges: changes.some((change) => change !== null),
    legacy: !("config" in payload),
    malformed: payload.config !== undefined && payload.config !== null && !isObject(payload.config),
  };
}

function flag(value: Json | undefined): boolean {
  return value === true || (typeof value === "string" && value.toLowerCase() === "true");
}

function presenceKey(key: Json | undefined): string {
  if (typeof key === "number" || typeof key === "boolean") return String(key);
  return typeof key === "string" && key !== "" ? key : randomUUID();
}

function replayOf(broadcast: JsonObject): JoinRequest["replay"] {
  if (broadcast.replay === undefined) return undefined;
  if (!isObject(broadcast.replay)) return undefined;
  const { since, limit = maxReplayed } = broadcast.replay;
  if (!Number.isSafeInteger(since) || !Number.isSafeInteger(limit)) return null;
  return { since: since as number, limit: Math.max(1, Math.min(limit as number, maxReplayed)) };
}
