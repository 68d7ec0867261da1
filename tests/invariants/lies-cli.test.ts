/**
 * How the command line handles answers that are not the server's, for example from a captive portal, a proxy or a
 * firewall.
 */
import { describe, expect, it } from "vitest";
import type { Lie } from "#harness/proxy";
import { runCli } from "../cli/run.ts";
import { local, proxy, refusals, setUp, successes } from "./lying-server.ts";

setUp();

describe("the command line", () => {
  it.each(["a sign-in page", "{}", "null", "a 401 with a page", "a 403 of a firewall"])(
    "says what is wrong with %s, and throws nothing",
    async (lie) => {
      const told = { ...successes, ...refusals }[lie] as Lie;
      const words = ["--json", "--url", proxy.url, "--key", local.secretKey];
      const findings = async () => {
        const { code, out, err } = await runCli(["doctor", ...words]);
        expect([code, err]).toEqual([1, ""]);
        const { findings } = JSON.parse(out) as { findings: { check: string; state: string }[] };
        return findings.filter(({ state }) => state === "error").map(({ check }) => check);
      };
      proxy.answer("/rpc/installation", told.status ?? 200, told.body);
      expect(await findings()).toEqual(["migrations"]);
      proxy.lie(told);
      expect(await findings()).not.toEqual([]);
      for (const command of [["agents"], ["stats"], ["recall", "keys"], ["status"]]) {
        const { code, out, err } = await runCli([...command, ...words]);
        expect([command, code]).toEqual([command, 1]);
        expect(`${out}${err}`).not.toMatch(/\n\s+at /);
      }
    },
  );
});
