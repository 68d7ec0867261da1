/** If a server accepts calls and never answers them, the SDK gives up after a minute. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

let server: Server;
let url: string;
let onCall: () => void = () => {};
beforeAll(async () => {
  server = createServer(() => onCall());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

describe("a call that nobody answers", () => {
  it("ends as unavailable after a minute", async () => {
    const tenant = "00000000-0000-4000-8000-000000000001";
    const mayfly = new Mayfly({ url, key: "sb_secret_silent", tenant });
    const called = new Promise<void>((resolve) => {
      onCall = resolve;
    });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const adding = mayfly.jobs.add("silent");
      await called;
      await vi.advanceTimersByTimeAsync(60_000);
      expect((await adding).error?.code).toBe("unavailable");
    } finally {
      vi.useRealTimers();
    }
    await mayfly.close();
  });
});
