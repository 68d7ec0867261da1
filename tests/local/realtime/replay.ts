import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { RawClient } from "./client.ts";
import { Comparison, isUnordered, type Recorded, textOf } from "./compare.ts";
import type { TestDatabase, TestProject } from "./harness.ts";
import { alice, bob, seconds, userToken } from "./harness.ts";

interface Line extends Recorded {
  t: number;
  ev: string;
  conn: string;
  url: string;
  headers?: Record<string, string>;
  status: number;
  body?: string;
  contentType?: string;
  code: number;
  q: string;
  method: string;
}

export interface ReplayOptions {
  /** How many times faster than it was recorded the scenario is played. */
  speed?: number;
  /** The names of the sockets that the server, and not the client, closes. */
  closedByServer?: string[];
  /** Whether the recorded client disconnected before it had read everything. */
  hangsUp?: boolean;
  /** Makes the server send a frame whose cause is not in the recording, such as an SQL statement. */
  cause?: (frame: string, tokens: Tokens) => Promise<void>;
}

type Tokens = (placeholder: string) => Promise<string>;

/** Plays the client's part of a recorded scenario and compares every frame of the server. */
export async function replay(
  file: URL,
  project: TestProject,
  database: TestDatabase,
  options: ReplayOptions = {},
): Promise<void> {
  const lines = (await readFile(file, "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
  const clients = new Map<string, RawClient>();
  const comparison = new Comparison();
  const token = tokenSource(project);
  const fill = (text: string) => fillIn(text, token);
  const started = Date.now();
  let response: Promise<Response> | undefined;
  let syncs = 0;
  const elsewhere = new Set<string>();

  const clientOf = ({ conn }: Line): RawClient => {
    const client = clients.get(conn);
    if (!client) throw new Error(`No socket ${conn}`);
    return client;
  };

  /**
   * Returns when the server has handled everything that this client sent. A heartbeat is not enough, because
   * the server answers it while a channel still waits for a permission. So a presence push without content
   * follows a broadcast: the channel answers it in order.
   */
  async function caughtUp(client: RawClient, last?: string): Promise<void> {
    const ref = `sync${syncs++}`;
    const isV2 = client.socket.url.includes("vsn=2");
    const sent = last === undefined ? undefined : JSON.parse(last);
    const [joinRef, topic] = isV2 ? [sent?.[0], sent?.[2]] : [sent?.join_ref, sent?.topic];
    const isChannel = (isV2 ? sent?.[3] : sent?.event) === "broadcast";
    const [to, event] = isChannel ? [topic, "presence"] : ["phoenix", "heartbeat"];
    const beat = isV2
      ? [isChannel ? joinRef : null, ref, to, event, {}]
      : { topic: to, event, payload: {}, ref, ...(isChannel && { join_ref: joinRef }) };
    client.send(JSON.stringify(beat));
    await client.take((frames) => frames.findIndex((frame) => frame.text.includes(ref)), ref);
  }

  // The recorded client closed its sockets together. Some sockets were told that others had left: these are
  // closed last.
  const tail = lines.findIndex(
    ({ ev, code }, index) =>
      ev === "close" &&
      code !== 1006 &&
      lines.slice(index).every((line) => line.ev === "close" || line.ev === "recv"),
  );
  const told = lines.slice(tail).filter(({ ev }) => ev === "recv");
  const closesLast = (line: Line) => told.some(({ conn }) => conn === line.conn);
  const ending = lines.slice(tail);
  lines.splice(
    tail,
    ending.length,
    ...ending.filter((line) => line.ev === "close" && !closesLast(line)),
    ...told,
    ...ending.filter((line) => line.ev === "close" && closesLast(line)),
  );

  let before: Line | undefined;
  for (const line of lines) {
    // If two clients send one after the other, their messages may arrive in any order. So the second client
    // waits.
    if (before?.ev === "send" && line.ev === "send" && before.conn !== line.conn)
      await caughtUp(clientOf(before), before.frame && (await fill(before.frame)));
    if (line.ev !== "js_status") before = line;
    // The embedded Supabase has one project, whatever the host name, so an unknown tenant cannot be played.
    if (line.headers?.host === "nosuch.localhost") elsewhere.add(line.conn);
    if (elsewhere.has(line.conn)) {
      if (line.ev === "handshake_refused") elsewhere.delete(line.conn);
      continue;
    }
    if (options.speed) await sleep(Math.max(0, started + line.t / options.speed - Date.now()));
    if (line.ev === "connect") {
      const url = project.url.replace("http", "ws");
      const path = line.url.replace(/^ws:\/\/[^/]+\/socket/, "/realtime/v1");
      const headers = JSON.parse(await fill(JSON.stringify(line.headers ?? {})));
      clients.set(line.conn, new RawClient(url + (await fill(path)), headers));
    } else if (line.ev === "open") {
      await clientOf(line).open();
    } else if (line.ev === "handshake_refused") {
      const { status, type, body } = await clientOf(line).refused();
      expect({ status, type, body }).toEqual({
        status: line.status,
        type: line.contentType,
        body: line.body,
      });
    } else if (line.ev === "send") {
      const frame = line.frame && (await fill(line.frame));
      clientOf(line).send(frame ?? Buffer.from(line.base64 ?? "", "base64"));
    } else if (line.ev === "recv") {
      const expected = textOf(line);
      await options.cause?.(expected, token);
      await clientOf(line).take((frames) => {
        const index = frames.findIndex((frame) => comparison.matches(line, frame));
        const skipped = frames.slice(0, Math.max(index, 0));
        const allowed = isUnordered(expected) && skipped.every((one) => isUnordered(one.text));
        return index > 0 && !allowed ? -1 : index;
      }, expected);
    } else if (line.ev === "sql") {
      await database.sql.unsafe(line.q);
      await sleep(20);
    } else if (line.ev === "http_req") {
      const path = await fill(line.url.replace("/socket", ""));
      response = fetch(`${project.url}/realtime/v1${path}`, {
        method: line.method,
        headers: JSON.parse(await fill(JSON.stringify({ ...line.headers, host: undefined }))),
        ...(line.body === undefined ? {} : { body: Buffer.from(line.body, "latin1") }),
      });
    } else if (line.ev === "http_res") {
      const answer = await response;
      const headers = Object.fromEntries(
        ["content-type", "x-rate-limit"].flatMap((name) => {
          const value = line.headers?.[name];
          return value === undefined ? [] : [[name, answer?.headers.get(name)]];
        }),
      );
      const { "x-rate-rolling": _changing, ...recorded } = line.headers ?? {};
      expect({ status: answer?.status, headers, body: await answer?.text() }).toEqual({
        status: line.status,
        headers: recorded,
        body: line.body,
      });
    } else if (line.ev === "close") {
      const client = clientOf(line);
      if (options.closedByServer?.includes(line.conn)) {
        expect(await client.closed()).toBe(line.code);
      } else if (line.code === 1006) {
        client.socket.terminate();
      } else {
        if (!options.hangsUp) {
          await caughtUp(client);
          expect(client.frames).toEqual([]);
        }
        client.socket.close();
      }
    }
  }
}

async function fillIn(text: string, token: Tokens): Promise<string> {
  let filled = text.replace(/"since":\d+/g, `"since":${Date.now() - 60_000}`);
  for (const [placeholder] of text.matchAll(/<[A-Z0-9_]+>/g))
    filled = filled.replace(placeholder, await token(placeholder));
  if (text.includes('"still":1')) await sleep(2_050);
  return filled;
}

/** The tokens behind a recording's placeholders. */
function tokenSource({ tokens, keys }: TestProject): Tokens {
  const made = new Map<string, Promise<string>>();
  const hour = seconds() + 3_600;
  const anon = { iss: "supabase", role: "anon" };
  const user = { sub: alice, role: "authenticated" };
  const forged = async (claims: object) => {
    const [header, payload, signature = ""] = (
      await tokens.signLegacy({ ...claims, exp: hour })
    ).split(".");
    return `${header}.${payload}.${signature.split("").reverse().join("")}`;
  };
  const makers: Record<string, () => Promise<string>> = {
    "<ANON_KEY>": () => tokens.signLegacy({ ...anon, exp: hour }),
    "<SERVICE_KEY>": () => tokens.signLegacy({ iss: "supabase", role: "service_role", exp: hour }),
    "<ALICE_JWT>": () => userToken(alice),
    "<BOB_JWT>": () => userToken(bob),
    "<EXPIRED_JWT>": () => userToken(alice, -3_600),
    "<EXPIRED_JWT2>": () => userToken(alice, -50),
    "<EXPIRED_ANON>": () => tokens.signLegacy({ ...anon, exp: hour - 7_200 }),
    "<ALICE_EXP_4S>": () => userToken(alice, 2),
    "<ALICE_EXP_4S_B>": () => userToken(alice, 2),
    "<BADSIG>": () => forged(anon),
    "<BADSIG_USER>": () => forged(user),
    "<NOROLE>": () => tokens.signLegacy({ iss: "supabase", exp: hour }),
    "<NOROLE_USER>": () => tokens.sign({ sub: alice, exp: hour }),
    "<NOEXP>": () => tokens.signLegacy(anon),
    "<STREXP>": () => tokens.signLegacy({ ...user, exp: "tomorrow" as unknown as number }),
    "<NOSUCHROLE>": () => tokens.sign({ ...user, role: "nosuchrole", exp: hour }),
  };
  return (placeholder) => {
    const known = made.get(placeholder) ?? makers[placeholder]?.();
    if (!known)
      throw new Error(`No token for ${placeholder}, of ${keys.publishableKey.slice(0, 14)}`);
    made.set(placeholder, known);
    return known;
  };
}
