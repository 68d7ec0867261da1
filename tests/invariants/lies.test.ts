/**
 * How the SDK handles answers that are not the server's, for example from a captive portal, a proxy or a
 * firewall.
 */

import type { ErrorCode } from "@mayfly/sdk";
import { describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import type { Lie } from "#harness/proxy";
import {
  agent,
  calls,
  mayfly,
  others,
  proxy,
  refusals,
  right,
  setUp,
  successes,
} from "./lying-server.ts";

const mentions = (line: string, name: string, method: string) => {
  const [of, methods = ""] = line.split(": ");
  return of === name && methods.split(", ").includes(method);
};

function prototypeValue(prototype: object, name: string): unknown {
  for (let at = prototype; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    const found = Object.getOwnPropertyDescriptor(at, name);
    if (found) return found.value;
  }
  return undefined;
}

setUp();

describe("an answer from something in between", () => {
  it("is tried on every public method that returns a result", () => {
    const methods = (of: object): string[] =>
      of === Object.prototype
        ? []
        : [...Object.getOwnPropertyNames(of), ...methods(Object.getPrototypeOf(of))];
    const tried = calls();
    const objects: Record<string, object> = {
      ...{ Mayfly: mayfly, Agents: mayfly.agents, AgentTypes: mayfly.agents.types },
      ...{ Conflicts: mayfly.memory.conflicts, DebugStreams: mayfly.debug, Debug: agent.debug },
      ...{ EnrolmentKeys: mayfly.keys, Invitations: mayfly.people.invitations },
      ...{ Members: mayfly.people.members, Tenants: mayfly.tenants, States: mayfly.state },
      ...{ Channels: agent.channels, Channel: agent.channels.open("findings") },
      ...{ Presence: agent.presence, Agent: agent, AgentMemory: agent.memory },
      ...{ Log: mayfly.log, Messages: mayfly.messages, Memories: mayfly.memory },
      ...{ AgentOutbox: agent.outbox, TenantOutbox: mayfly.outbox },
    };
    expect(Object.keys(objects)).toEqual(expect.arrayContaining(Object.keys(tried)));
    const untried = Object.entries(objects).flatMap(([name, object]) => {
      const prototype = Object.getPrototypeOf(object) as Record<string, unknown>;
      return methods(prototype)
        .filter((method) => {
          const { value } = Object.getOwnPropertyDescriptor(prototype, method) ?? {};
          return typeof (value ?? prototypeValue(prototype, method)) === "function";
        })
        .filter((method) => method !== "constructor" && !(method in (tried[name] ?? {})))
        .filter((method) => !others.some((line) => mentions(line, name, method)))
        .map((method) => `${name}.${method}`);
    });
    expect(untried).toEqual([]);
  });

  const all = { ...successes, ...refusals };
  it.each(Object.keys(all))(
    "like %s makes every call return an error, and none throw",
    async (lie) => {
      await agent.remember({ task: "kept" });
      proxy.lie(all[lie] as Lie);
      const tried = Object.entries(calls()).flatMap(([name, methods]) =>
        Object.entries(methods).map(async ([method, call]) => {
          const { data, error } = await call();
          // To watch presence, the SDK needs no answer of the server.
          if (typeof data === "function") await data();
          return [`${name}.${method}`, error?.code] as [string, ErrorCode | undefined];
        }),
      );
      const answered = await Promise.all(tried);
      const wrong = answered.filter(([name, code]) =>
        (name.endsWith(".request") && code === "request_timeout") || code === "unavailable"
          ? false
          : !right[lie]?.includes(name),
      );
      expect(wrong).toEqual([]);
      // The SDK has treated no answer as an acknowledgement, and the agent is unchanged.
      expect(agent.outbox.waiting).toBe(1);
      expect(agent.outbox.refused).toEqual([]);
      const recalled = dataOf(await agent.recall("kept"));
      expect(recalled).toMatchObject({ mode: "local", results: [{ task: "kept" }] });
      expect(dataOf(await agent.memory.context({ task: "kept", maxTokens: 100 })).mode).toBe(
        "local",
      );
      proxy.up();
      expect(dataOf(await agent.sync())).toMatchObject({ pushed: 1, rejected: 0 });
    },
  );
});
