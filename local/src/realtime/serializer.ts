import { isObject, type Json, type JsonObject, parseJson } from "./json.ts";

/**
 * The versions of the serializer: 1.0.0 sends JSON objects, and 2.0.0 sends JSON arrays and binary
 * broadcasts.
 */
export type Version = "1.0.0" | "2.0.0";
export type Frame = string | Buffer;

/** A broadcast whose payload the server relays without reading it. */
export interface UserBroadcast {
  event: string;
  encoding: "json" | "binary";
  payload: Buffer;
}

/** A frame from a client. If it was binary, it has `userBroadcast` instead of a payload. */
export interface Incoming {
  joinRef: Json;
  ref: Json;
  topic: string;
  event: string;
  payload: JsonObject;
  userBroadcast?: UserBroadcast;
}

const pushKind = 3;
const broadcastKind = 4;

/** The version that a connection asked for. Undefined if there is no such version. */
export function parseVersion(vsn: string | null): Version | undefined {
  if (vsn === null || vsn === "1.0.0") return "1.0.0";
  return vsn === "2.0.0" ? vsn : undefined;
}

/** A client's frame. Undefined if it is malformed, because the server ignores such frames. */
export function decode(version: Version, data: Buffer, binary: boolean): Incoming | undefined {
  if (binary) return version === "2.0.0" ? decodePush(data) : undefined;
  const message = parseJson(data.toString("utf8"));
  if (version === "1.0.0") {
    if (!isObject(message) || message.ref === undefined) return undefined;
    const { join_ref = null, ref, topic, event, payload } = message;
    return incoming(join_ref, ref, topic, event, payload);
  }
  if (!Array.isArray(message) || message.length < 5) return undefined;
  const [joinRef = null, ref = null, topic, event, payload] = message;
  return incoming(joinRef, ref, topic, event, payload);
}

function incoming(
  joinRef: Json,
  ref: Json,
  topic: Json | undefined,
  event: Json | undefined,
  payload: Json | undefined,
): Incoming | undefined {
  if (typeof topic !== "string" || typeof event !== "string" || !isObject(payload))
    return undefined;
  return { joinRef, ref, topic, event, payload };
}

/**
 * A binary frame of kind 3: the lengths of join_ref, ref, topic, event and metadata, then the
 * encoding, then those five texts.
 */
function decodePush(data: Buffer): Incoming | undefined {
  if (data.length < 7 || data[0] !== pushKind) return undefined;
  const lengths = [...data.subarray(1, 6)];
  let offset = 7;
  const [joinRef, ref, topic, event, metadata] = lengths.map((length) => {
    const part = data.toString("utf8", offset, offset + length);
    offset += length;
    return part;
  });
  if (offset > data.length || topic === undefined || event === undefined) return undefined;
  if (metadata && parseJson(metadata) === undefined) return undefined;
  return {
    joinRef: joinRef ?? null,
    ref: ref ?? null,
    topic,
    event: "broadcast",
    payload: {},
    userBroadcast: {
      event,
      encoding: data[6] === 0 ? "binary" : "json",
      payload: data.subarray(offset),
    },
  };
}

/** A push, whose `payload` is JSON text. In version 1.0.0, a push has no join_ref. */
export function encodePush(
  version: Version,
  joinRef: Json,
  ref: Json,
  topic: string,
  event: string,
  payload: string,
): string {
  return version === "1.0.0"
    ? `{"ref":${JSON.stringify(ref)},"event":${JSON.stringify(event)},"topic":${JSON.stringify(topic)},"payload":${payload}}`
    : `[${JSON.stringify(joinRef)},${JSON.stringify(ref)},${JSON.stringify(topic)},${JSON.stringify(event)},${payload}]`;
}

/** The answer to a push. */
export function encodeReply(
  version: Version,
  to: { joinRef: Json; ref: Json; topic: string },
  status: "ok" | "error",
  response: Json,
): string {
  const payload = JSON.stringify({ status, response });
  return encodePush(version, to.joinRef, to.ref, to.topic, "phx_reply", payload);
}

/**
 * A broadcast for a receiver: kind 4 for 2.0.0, JSON for 1.0.0. Undefined if the version cannot
 * express it, such as bytes in 1.0.0, or names over 255 bytes in 2.0.0.
 */
export function encodeUserBroadcast(
  version: Version,
  topic: string,
  message: UserBroadcast,
  meta?: JsonObject,
): Frame | undefined {
  if (version === "1.0.0") {
    if (message.encoding === "binary") return undefined;
    const metaField = meta ? `"meta":${JSON.stringify(meta)},` : "";
    const payload = `{"event":${JSON.stringify(message.event)},${metaField}"payload":${message.payload.toString("utf8")},"type":"broadcast"}`;
    return encodePush(version, null, null, topic, "broadcast", payload);
  }
  const parts = [topic, message.event, meta ? JSON.stringify(meta) : ""].map((part) =>
    Buffer.from(part),
  );
  if (parts.some((part) => part.length > 255)) return undefined;
  const header = [broadcastKind, ...parts.map((part) => part.length)];
  const encoding = message.encoding === "json" ? 1 : 0;
  return Buffer.concat([Buffer.from([...header, encoding]), ...parts, message.payload]);
}
