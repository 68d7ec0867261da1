/**
 * What no caller may do with an approval, by each way to decide: SQL, the SDK and the command line. The console is
 * in tests/console.
 */
import type { Approval, ApprovalOptions, Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { codeOf, rpc } from "#harness/callers";
import { mayflyWith, personOf, startTestLocal, type TestLocal, tokenOf } from "#harness/local";
import { runCli } from "../cli/run.ts";
import { amount, decide } from "./asking.ts";

let local: TestLocal;
let mayfly: Mayfly;
let tenant: string;
beforeAll(async () => {
  local = await startTestLocal();
  ({ tenant, mayfly } = await local.enter());
});
afterAll(async () => {
  await mayfly?.close();
  await local?.close();
});

type Seen = Pick<Approval, "id" | "digest">;
interface Way {
  /** Asks as the one who then decides. */
  request(input: unknown, options: ApprovalOptions): Promise<Seen>;
  /** @returns "decided", or the code of the refusal. */
  approve(approval: Seen, input?: unknown): Promise<string>;
}

const ways: Record<string, () => Promise<Way>> = {
  async sql() {
    const claims = await personOf(local, { [tenant]: "admin" });
    return {
      request: async (input, { inputSchema } = {}) =>
        rpc<Seen>(local.sql, claims, "request_approval", {
          title: "May I?",
          input: input as never,
          ...(inputSchema && { input_schema: inputSchema as never }),
        }),
      // As an argument, null is a missing input. In a list of decisions, it is a null.
      approve: async (approval, input) => {
        if (input !== null)
          return codeOf(
            decide(local.sql, claims, approval, input === undefined ? {} : { input }).then(() => {
              throw { code: "decided" };
            }),
          );
        const { id, digest } = approval;
        const decisions = [{ id, digest, verdict: "approve", input }];
        const [answer] = await rpc<{ error?: { code: string } }[]>(
          local.sql,
          claims,
          "decide_approvals",
          { decisions: decisions as never },
        );
        return answer?.error?.code ?? "decided";
      },
    };
  },
  async sdk() {
    const claims = await personOf(local, { [tenant]: "admin" });
    const person = mayflyWith(local, await tokenOf(local, claims), { tenant });
    return {
      request: async (input, options) =>
        dataOf(await person.approvals.request("May I?", input, options)),
      approve: async (approval, input) => {
        const { error } = await person.approvals.approve(
          approval,
          input === undefined ? {} : { input },
        );
        return error?.code ?? "decided";
      },
    };
  },
  async "command line"() {
    const env = { MAYFLY_URL: local.apiUrl, MAYFLY_KEY: local.secretKey, MAYFLY_TENANT: tenant };
    return {
      request: async (input, options) =>
        dataOf(await mayfly.approvals.request("May I?", input, options)),
      approve: async ({ id, digest }, input) => {
        const changed = input === undefined ? [] : ["--input", JSON.stringify(input)];
        const given = ["approve", id, "--digest", digest, "--json", ...changed];
        const { code, out } = await runCli(given, { env });
        const { error } = JSON.parse(out) as { error?: { code: string } };
        expect(code).toBe(error ? 1 : 0);
        return error?.code ?? "decided";
      },
    };
  },
};

describe.each(Object.keys(ways))("by %s,", (name) => {
  let way: Way;
  beforeAll(async () => {
    way = await (ways[name] as () => Promise<Way>)();
  });
  const ask = async (options: ApprovalOptions = {}) => {
    const agent = dataOf(await mayfly.spawn({ lifetime: 300 }));
    return dataOf(await agent.approvals.request("May I?", { amount: 5 }, options));
  };
  const now = async ({ id }: Seen) => dataOf(await mayfly.approvals.get(id));

  it("nobody approves their own request, with a change or without one", async () => {
    const own = await way.request({ amount: 5 }, { inputSchema: amount });
    expect(await way.approve(own)).toBe("approval_own");
    expect(await way.approve(own, { amount: 4 })).toBe("approval_own");
    expect(await now(own)).toMatchObject({ status: "pending", decisions: [] });
  });

  it("a changed input that does not match decides nothing, and one that matches does", async () => {
    const asked = await ask({ inputSchema: amount });
    for (const wrong of [{ amount: 101 }, { amount: "4" }, {}, { amount: 4, more: 1 }, null])
      expect(await way.approve(asked, wrong), JSON.stringify(wrong)).toBe("invalid_request");
    expect(await now(asked)).toMatchObject({ status: "pending", input: { amount: 5 } });
    expect((await now(asked)).decisions).toEqual([]);
    expect(await way.approve(asked, { amount: 4 })).toBe("decided");
    expect(await now(asked)).toMatchObject({ status: "approved", input: { amount: 4 } });
  });

  it("an approval is decided once, for the arguments that were seen, and before it expires", async () => {
    const asked = await ask();
    const other = await ask({ expiresIn: "1m" });
    expect(await way.approve({ ...asked, digest: "00".repeat(32) })).toBe("approval_changed");
    expect((await now(asked)).decisions).toEqual([]);
    expect(await way.approve(asked)).toBe("decided");
    expect(await way.approve(asked)).toBe("approval_decided");
    expect((await now(asked)).decisions).toHaveLength(1);
    await local.sql`update mayfly.approvals set expires_at = now() - interval '1 second' where id = ${other.id}`;
    expect(await way.approve(other)).toBe("approval_decided");
    expect((await now(other)).decisions).toEqual([]);
  });
});
