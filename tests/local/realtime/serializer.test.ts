import fc from "fast-check";
import { expect, test } from "vitest";
import { canonical } from "../../../local/src/realtime/json.ts";
import {
  decode,
  encodePush,
  encodeUserBroadcast,
  parseVersion,
} from "../../../local/src/realtime/serializer.ts";

const push = (parts: string[], encoding: number, payload: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from([3, ...parts.map((part) => Buffer.byteLength(part)), encoding]),
    ...parts.map((part) => Buffer.from(part)),
    payload,
  ]);

test("a connection without a version speaks 1.0.0, and there is only one other version", () => {
  expect(parseVersion(null)).toBe("1.0.0");
  expect(parseVersion("2.0.0")).toBe("2.0.0");
  expect(parseVersion("3.0.0")).toBeUndefined();
});

test("a binary push is read whatever its names and bytes are", () => {
  const name = fc.string({ unit: "grapheme", maxLength: 20 });
  fc.assert(
    fc.property(name, name, name, name, fc.uint8Array(), (joinRef, ref, topic, event, bytes) => {
      const payload = Buffer.from(bytes);
      const data = push([joinRef, ref, topic, event, '{"a":1}'], 0, payload);
      expect(decode("2.0.0", data, true)).toEqual({
        joinRef,
        ref,
        topic,
        event: "broadcast",
        payload: {},
        userBroadcast: { event, encoding: "binary", payload },
      });
    }),
  );
});

test("a malformed frame is ignored", () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.boolean(), (bytes, binary) => {
      for (const version of ["1.0.0", "2.0.0"] as const)
        decode(version, Buffer.from(bytes), binary);
    }),
  );
  fc.assert(
    fc.property(fc.json(), (text) => {
      for (const version of ["1.0.0", "2.0.0"] as const) decode(version, Buffer.from(text), false);
    }),
  );
});

test("a cut binary push is ignored", () => {
  const data = push(["1", "2", "realtime:room", "event", ""], 1, Buffer.alloc(0));
  expect(decode("2.0.0", data, true)).toBeDefined();
  for (let length = 0; length < data.length; length++)
    expect(decode("2.0.0", data.subarray(0, length), true)).toBeUndefined();
});

test("2.0.0 cannot send names over 255 bytes, and 1.0.0 cannot send bytes", () => {
  const json = { event: "é".repeat(128), encoding: "json" as const, payload: Buffer.from("{}") };
  expect(encodeUserBroadcast("2.0.0", "realtime:room", json)).toBeUndefined();
  expect(encodeUserBroadcast("1.0.0", "realtime:room", json)).toContain('"type":"broadcast"');
  const bytes = { event: "e", encoding: "binary" as const, payload: Buffer.from([255]) };
  expect(encodeUserBroadcast("1.0.0", "realtime:room", bytes)).toBeUndefined();
});

test("a push of 2.0.0 is read back as it was", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.dictionary(fc.string(), fc.jsonValue()), (t, e, p) => {
      const payload = JSON.parse(JSON.stringify(p));
      const frame = encodePush("2.0.0", "1", "2", t, e, canonical(payload));
      expect(decode("2.0.0", Buffer.from(frame), false)).toEqual({
        joinRef: "1",
        ref: "2",
        topic: t,
        event: e,
        payload,
      });
    }),
  );
});
