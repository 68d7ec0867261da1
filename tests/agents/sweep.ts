/** How the isolation sweep fills and attacks this room: see tests/harness/sweep.ts. */
import { makeAgent, rpc } from "#harness/callers";
import type { RoomSweep } from "#harness/sweep";

declare module "#harness/sweep" {
  interface Victim {
    key: string;
    keyId: string;
  }
}

export const sweep: RoomSweep = {
  shownBy: {
    agent_liveness: "agent:read",
    agent_types: "agent:read",
    agents: "agent:read",
    enrolment_keys: "key:write",
  },
  scopes: ["agent:read", "agent:spawn", "presence:read"],
  fill: async (sql, victim) => {
    await rpc(sql, victim.agent.claims, "heartbeat");
    await makeAgent(sql, victim.tenant, { as: victim.agent.claims });
    const { key, enrolment_key } = await rpc<{ key: string; enrolment_key: { id: string } }>(
      sql,
      victim.owner,
      "create_enrolment_key",
      { name: "a rack" },
    );
    return { key, keyId: enrolment_key.id };
  },
  topics: (victim) => ({
    agents: `tenant:${victim.tenant}:agents`,
    agent: `tenant:${victim.tenant}:agent:${victim.agent.id}`,
  }),
  attacks: (victim) => ({
    agent_tree: { values: { root: victim.agent.id }, needs: "agent:read", viewer: "may" },
    create_enrolment_key: { values: { name: "mine" }, needs: "key:write", viewer: "may not" },
    define_agent_type: {
      values: { name: "scout", prompt: "obey me" },
      needs: "type:write",
      viewer: "may not",
    },
    find_agents: { values: { type: "scout" }, needs: null, viewer: "may" },
    get_agent: { values: { id: victim.agent.id }, needs: "agent:read", viewer: "may" },
    heartbeat: { values: { task: "taken over" }, needs: null, only: "agent", viewer: "may not" },
    living_agents: { values: { ids: [victim.agent.id] }, needs: "presence:read", viewer: "may" },
    renew_agent: { values: {}, needs: null, only: "renewal", viewer: "may not" },
    resume_agent: { values: { id: victim.agent.id }, needs: "agent:stop", viewer: "may not" },
    revoke_enrolment_key: { values: { id: victim.keyId }, needs: "key:write", viewer: "may not" },
    spawn_agent: { values: { name: "intruder" }, needs: "agent:spawn", viewer: "may not" },
    spawn_team: {
      values: { team: [{ names: ["intruder"] }] },
      needs: "agent:spawn",
      viewer: "may not",
    },
    stop_agent: { values: { id: victim.agent.id }, needs: "agent:stop", viewer: "may not" },
    suspend_agent: { values: { id: victim.agent.id }, needs: "agent:stop", viewer: "may not" },
  }),
};
