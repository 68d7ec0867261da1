/** How the isolation sweep fills and attacks this room: see tests/harness/sweep.ts. */
import { rpc } from "#harness/callers";
import type { Attack, RoomSweep } from "#harness/sweep";

declare module "#harness/sweep" {
  interface Victim {
    /** A team of the victim, an open poll and an open tender, and an ended job that was given to its agent. */
    team: string;
    poll: string;
    tender: string;
    assignedJob: string;
    /** An open alert in that team. */
    alert: string;
  }
}

const needs = (scope: string, viewer: Attack["viewer"], values: Record<string, unknown> = {}) => ({
  values,
  needs: scope,
  viewer,
});

export const sweep: RoomSweep = {
  shownBy: {
    assignments: "team:read",
    ballots: "team:read",
    bids: "team:read",
    polls: "team:read",
    team_members: "team:read",
    team_alerts: "team:read",
    teams: "team:read",
    tenders: "team:read",
    track_records: "team:read",
  },
  scopes: ["team:read", "team:vote", "team:manage"],
  // Makes a poll and a tender twice, once open and once ended, and a rated result.
  fill: async (sql, victim) => {
    const as = <T>(name: string, values: Record<string, unknown>, claims = victim.agent.claims) =>
      rpc<T>(sql, claims, name, values);
    const { team } = await as<{ team: { id: string; lead: string } }>(
      "spawn_named_team",
      {
        team: [{ role: "lead", scopes: ["team:read"] }] as never,
        settings: { name: "the secret plan", channel: false } as never,
      },
      victim.owner,
    );
    await as("join_team", { team_id: team.id, agent_ids: [victim.agent.id] }, victim.owner);
    // The victim has one living agent.
    await as("stop_agent", { id: team.lead }, victim.owner);
    const options = ["the secret plan", "another"];
    // This member sends the same message twice, which watch_team reports.
    await as("heartbeat", { activity: "thinking" });
    const message = {
      to: { agent: victim.agent.id },
      type: "info",
      payload: { text: "the secret" },
    };
    for (let n = 0; n < 2; n++)
      await as("send_messages", { messages: [{ id: crypto.randomUUID(), ...message }] as never });
    const watch = () =>
      as<{ alerts: { id: string }[] }>("watch_team", {
        team_id: team.id,
        limits: { repeats: 2 } as never,
      });
    const [alert] = (await watch()).alerts;
    await as("heartbeat", { activity: "idle" });
    let poll = { id: "" };
    for (const quorum of [1, 5]) {
      poll = await as("open_poll", {
        question: "The secret plan?",
        options,
        quorum,
        key: `the secret plan, ${quorum}`,
      });
      await as("cast_ballot", { poll_id: poll.id, choice: options[0] });
    }
    let tender = { id: "" };
    for (const award of [true, false]) {
      const job = { name: "offered", input: { secret: "plan" } } as never;
      tender = await as("open_tender", { job, seconds: 3600 });
      await as("place_bid", { tender_id: tender.id, price: 7, note: "the secret plan" });
      if (award) await as("close_tender", { tender_id: tender.id });
    }
    const job = { name: "assigned", input: { secret: "plan" } } as never;
    const { job: assignedJob } = await as<{ job: string }>("assign_job", {
      job,
      team: team.id,
    });
    const { jobs } = await as<{ jobs: { lease: string }[] }>("claim_jobs", {
      names: ["assigned"],
    });
    await as("complete_jobs", { done: [{ lease: jobs[0]?.lease }] as never });
    await as("rate_job", { job_id: assignedJob, reward: 1 }, victim.owner);
    return { team: team.id, alert: alert?.id ?? "", poll: poll.id, tender: tender.id, assignedJob };
  },
  attacks: ({ team, alert, poll, tender, assignedJob, agent }) => ({
    assign_job: needs("team:manage", "may not", { job: { name: "mine" } }),
    cancel_poll: needs("team:manage", "may not", { poll_id: poll }),
    cast_ballot: needs("team:vote", "may not", { poll_id: poll, choice: "another" }),
    close_tender: needs("team:manage", "may not", { tender_id: tender }),
    get_poll: needs("team:read", "may", { poll_id: poll }),
    get_tender: needs("team:read", "may", { tender_id: tender }),
    handle_alert: needs("team:manage", "may not", { id: alert, action: "mine" }),
    join_team: needs("team:manage", "may not", { team_id: team, agent_ids: [agent.id] }),
    list_alerts: needs("team:read", "may", { every: true }),
    list_polls: needs("team:read", "may"),
    list_tenders: needs("team:read", "may"),
    list_teams: needs("team:read", "may"),
    open_poll: needs("team:manage", "may not", { question: "Mine?", options: ["a", "b"] }),
    open_tender: needs("team:manage", "may not", { job: { name: "mine" } }),
    place_bid: needs("team:vote", "may not", { tender_id: tender, price: 1 }),
    rate_job: needs("team:manage", "may not", { job_id: assignedJob, reward: 0 }),
    spawn_named_team: needs("team:manage", "may not", {
      team: [{ role: "lead" }],
      settings: { name: "mine" },
    }),
    stop_team: needs("agent:stop", "may not", { team_id: team }),
    watch_team: needs("team:manage", "may not", { team_id: team }),
  }),
};
