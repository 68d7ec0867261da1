/** How the isolation sweep fills and attacks this room: see tests/harness/sweep.ts. */
import { rpc } from "#harness/callers";
import type { RoomSweep } from "#harness/sweep";

declare module "#harness/sweep" {
  interface Victim {
    state: string;
  }
}

export const sweep: RoomSweep = {
  shownBy: {
    state_versions: "state:read",
    states: "state:read",
  },
  scopes: ["state:read", "state:write"],
  fill: async (sql, victim) => {
    const { id } = await rpc<{ id: string }>(sql, victim.agent.claims, "set_state", {
      key: "plan",
      value: { secret: "plan" },
      of_agent: victim.agent.id,
    });
    return { state: id };
  },
  attacks: (victim) => ({
    delete_state: {
      values: { key: "plan", of_agent: victim.agent.id },
      needs: "state:write",
      viewer: "may not",
    },
    edit_state: {
      values: {
        key: "plan",
        edits: [{ op: "add", path: "/secret", value: "mine" }] as never,
        of_agent: victim.agent.id,
      },
      needs: "state:write",
      viewer: "may not",
    },
    get_state: {
      values: { key: "plan", of_agent: victim.agent.id },
      needs: "state:read",
      viewer: "may",
    },
    list_states: { values: { of_agent: victim.agent.id }, needs: "state:read", viewer: "may" },
    patch_state: {
      values: { key: "plan", patch: { secret: "mine" } as never, of_agent: victim.agent.id },
      needs: "state:write",
      viewer: "may not",
    },
    reconcile_state: {
      values: { key: "plan", strategy: "latest_wins", ours: "mine", of_agent: victim.agent.id },
      needs: "state:write",
      viewer: "may not",
    },
    rollback_state: {
      values: { key: "plan", version: 1, of_agent: victim.agent.id },
      needs: "state:write",
      viewer: "may not",
    },
    set_state: {
      values: { key: "plan", value: "mine", of_agent: victim.agent.id },
      needs: "state:write",
      viewer: "may not",
    },
    swap_state: {
      values: { key: "plan", expected_version: 1, value: "mine", of_agent: victim.agent.id },
      needs: "state:write",
      viewer: "may not",
    },
    state_changes: {
      values: { changes: [{ id: victim.state, version: 1 }] as never },
      needs: "state:read",
      viewer: "may",
    },
    states_at: {
      values: { instant: "2100-01-01T00:00:00Z", of_agent: victim.agent.id },
      needs: "state:read",
      viewer: "may",
    },
    state_history: {
      values: { key: "plan", of_agent: victim.agent.id },
      needs: "state:read",
      viewer: "may",
    },
  }),
};
