/** What a test prepares in the proxy, such as lost answers, does not affect the next test. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startProxy, type TestProxy } from "./proxy.ts";

const server = createServer((_request, response) => response.end("here"));
let proxy: TestProxy;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  proxy = await startProxy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
afterAll(async () => {
  await proxy?.close();
  server.close();
});
const ask = () =>
  fetch(`${proxy.url}/rpc/one`).then(
    (answer) => answer.text(),
    () => "lost",
  );

describe("answers that a proxy loses", () => {
  it("are as many as the test said, on the path that it named", async () => {
    proxy.loseAnswers("/rpc/one", 3);
    expect(await ask()).toBe("lost");
    proxy.loseAnswers("/rpc/other", 1);
    expect(await ask()).toBe("here");
    proxy.loseAnswers("/rpc/one", 2);
    proxy.up();
    expect(await ask()).toBe("here");
    proxy.loseAnswers("/rpc/one", 2);
  });

  it("do not affect the next test, even if some were never used", async () => {
    expect(await ask()).toBe("here");
  });
});
