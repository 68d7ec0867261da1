/** How the isolation sweep fills and attacks this room: see tests/harness/sweep.ts. */
import { rpc } from "#harness/callers";
import type { Attack, RoomSweep } from "#harness/sweep";

const needs = (scope: string, viewer: Attack["viewer"], values: Record<string, unknown>) => ({
  values: { thread: "secret", ...values },
  needs: scope,
  viewer,
});
const checkpoint = {
  checkpoint: "0001",
  body: "{}",
  channel_versions: { plan: "1" },
  channel_values: [{ channel: "plan", part: "secret".repeat(40) }],
};

export const sweep: RoomSweep = {
  shownBy: {
    checkpoints: "thread:read",
    thread_parts: "thread:read",
    thread_writes: "thread:read",
    threads: "thread:read",
  },
  scopes: ["thread:read", "thread:write"],
  fill: async (sql, { agent }) => {
    await rpc(sql, agent.claims, "put_checkpoint", { thread: "secret", ...checkpoint } as never);
    await rpc(sql, agent.claims, "put_writes", {
      thread: "secret",
      checkpoint: "0001",
      task: "plan",
      writes: [{ channel: "plan", idx: 0, body: '"secret"' }] as never,
    });
    return {};
  },
  attacks: () => ({
    delete_thread: needs("thread:write", "may not", {}),
    get_checkpoint: needs("thread:read", "may", {}),
    list_checkpoints: needs("thread:read", "may", {}),
    list_threads: { values: {}, needs: "thread:read", viewer: "may" },
    prune_thread: needs("thread:write", "may not", {}),
    put_checkpoint: needs("thread:write", "may not", { ...checkpoint, checkpoint: "0002" }),
    put_writes: needs("thread:write", "may not", {
      checkpoint: "0001",
      task: "planted",
      writes: [{ channel: "plan", idx: 0, body: '"planted"' }] as never,
    }),
  }),
};
