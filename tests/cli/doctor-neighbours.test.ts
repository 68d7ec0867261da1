import { describe, expect, it } from "vitest";
import { startTestLocal } from "#harness/local";
import { checkPublicChannels, checkTimeouts } from "../../cli/src/doctor-neighbours.ts";

describe("mayfly doctor and noisy neighbours", () => {
  it("recommends a timeout for reads if there is none or a long one", () => {
    const of = (authenticated: string | null) => checkTimeouts({ authenticated }).state;
    expect(["3s", "2500ms", "500", "1 s"].map(of)).toEqual(["ok", "ok", "ok", "ok"]);
    expect(["8s", "4000", "1min", "0", null].map(of)).toEqual(Array(5).fill("warning"));
    expect(checkTimeouts({ authenticated: "8s" }).hint).toContain(
      "alter role authenticated set statement_timeout = '3s'; notify pgrst, 'reload config';",
    );
  });

  it("finds out whether public channels are open or only private ones are allowed", async () => {
    for (const [privateOnly, state] of [
      [false, "warning"],
      [true, "ok"],
    ] as const) {
      const local = await startTestLocal({ embedded: true, limits: { privateOnly } });
      try {
        const found = await checkPublicChannels({ url: local.apiUrl, key: local.secretKey });
        expect(found.state).toBe(state);
      } finally {
        await local.close();
      }
    }
  });
});
