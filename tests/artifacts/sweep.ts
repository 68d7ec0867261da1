/** How the isolation sweep fills and attacks this room: see tests/harness/sweep.ts. */
import { rpc } from "#harness/callers";
import type { Attack, RoomSweep } from "#harness/sweep";

declare module "#harness/sweep" {
  interface Victim {
    /** An unfinished artifact of the victim's agent. */
    artifact: string;
  }
}

const needs = (scope: string, viewer: Attack["viewer"], values: Record<string, unknown> = {}) => ({
  values,
  needs: scope,
  viewer,
});

const file = { media_type: "text/plain", size: 3, sha256: "0".repeat(64) };

export const sweep: RoomSweep = {
  shownBy: { artifacts: "artifact:read" },
  scopes: ["artifact:read", "artifact:write"],
  fill: async (sql, victim) => {
    const begin = () =>
      rpc<{ id: string; path: string }>(sql, victim.agent.claims, "begin_artifact", {
        name: "secret plan",
        ...file,
      });
    const stored = await begin();
    await sql`insert into storage.objects (bucket_id, name, metadata) values ('mayfly', ${stored.path}, '{"size": 3}')`;
    await rpc(sql, victim.agent.claims, "finish_artifact", { id: stored.id });
    return { artifact: (await begin()).id };
  },
  attacks: ({ artifact }) => ({
    begin_artifact: needs("artifact:write", "may not", { name: "planted", ...file }),
    finish_artifact: needs("artifact:write", "may not", { id: artifact }),
    list_artifacts: needs("artifact:read", "may", { versions: true }),
    remove_artifacts: needs("artifact:write", "may not", { name: "secret plan" }),
    sweep_files: needs("artifact:write", "may not"),
  }),
};
