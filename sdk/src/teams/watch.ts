import { cardRow, stopped } from "../agents/answers.ts";
import type { Issued } from "../agents/issued.ts";
import { requestAgent } from "../agents/spawn.ts";
import { Approvals } from "../approvals/approvals.ts";
import { secondsOf } from "../jobs/duration.ts";
import type { Link } from "../link/link.ts";
import { within } from "../link/monotonic-time.ts";
import { report } from "../link/safe-callback.ts";
import { Messages } from "../messages/messages.ts";
import type { AlertAction, TeamAlert, WatchTeamOptions } from "./alert-types.ts";
import { alertRow, checkedTeam, teamRow, teamRows, toAlert, toLimits } from "./answers.ts";

/** A watch of a team. */
export interface TeamWatch {
  /** Looks now, in addition to the interval. @returns the alerts that this watch has to act on. */
  check(): Promise<TeamAlert[]>;
  /** Resolves when the team has ended or `stop` was called. */
  readonly ended: Promise<void>;
  /** Stops watching. The team continues. */
  stop(): Promise<void>;
}

const everySeconds = 15;

/** Starts a watch. Several watches can watch one team, and each alert goes to one of them. */
export function watchTeam<Agent extends { id: string }>(
  link: Link,
  team: string,
  options: WatchTeamOptions<Agent>,
  connect: (issued: Issued) => Agent,
  headers: Record<string, string>,
): TeamWatch {
  let timer: NodeJS.Timeout | undefined;
  let over = false;
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const stop = async () => {
    over = true;
    clearTimeout(timer);
    link.stops.delete(stop);
    end();
  };
  const fail = (error: unknown) => report(options.onError, "A watch of a team", error);

  const check = async (): Promise<TeamAlert[]> => {
    const values = { team_id: team, limits: toLimits(options.limits) };
    const answer = await link.rpc("watch_team", values, checkedTeam);
    if (answer.error) {
      if (answer.error.code === "team_ended" || answer.error.code === "team_unknown") await stop();
      else fail(answer.error);
      return [];
    }
    const alerts = answer.data.alerts.map(toAlert);
    for (const alert of alerts) {
      options.onAlert?.(alert);
      const rule = [options.rules?.[alert.kind] ?? []].flat();
      const action = rule[Math.min(alert.times, rule.length) - 1];
      if (!action) continue;
      try {
        const done = await act(link, alert, action, options, connect, headers);
        const told = await link.rpc("handle_alert", { id: alert.id, action: done }, alertRow);
        if (told.error) throw told.error;
      } catch (error) {
        fail(error);
      }
    }
    return alerts;
  };
  const again = () => {
    if (over) return;
    const pause = within(secondsOf(options.every ?? everySeconds) * 1_000);
    timer = setTimeout(() => void check().catch(fail).then(again), pause);
  };
  link.stops.add(stop);
  again();
  return { check, ended, stop };
}

/** Applies the rule for an alert. @returns what was done. @throws the error if it failed. */
async function act<Agent extends { id: string }>(
  link: Link,
  alert: TeamAlert,
  action: AlertAction,
  options: WatchTeamOptions<Agent>,
  connect: (issued: Issued) => Agent,
  headers: Record<string, string>,
): Promise<string> {
  const reason = `${alert.kind.replace("_", " ")} in the team`;
  if (typeof action === "function") {
    await action(alert);
    return "own";
  }
  if (action === "stop") {
    const ended = await link.rpc("stop_team", { team_id: alert.team, reason }, teamRow);
    if (ended.error) throw ended.error;
    return action;
  }
  if (action === "ask") {
    const asked = await new Approvals(link).request(
      `${alert.kind}: what should happen?`,
      { alert: alert.id, agents: alert.agents, detail: alert.detail },
      { category: "team", required: true, ...options.approval },
    );
    if (asked.error) throw asked.error;
    return `ask ${asked.data.id}`;
  }
  if (action === "nudge") {
    const messages = new Messages(link);
    for (const agent of alert.agents) {
      const message = `${alert.kind}: ${JSON.stringify(alert.detail)}`;
      const sent = await messages.send(agent, "alert", { message, severity: "warning" });
      if (sent.error) throw sent.error;
    }
    return action;
  }
  const team = await link.rpc("list_teams", { team_id: alert.team }, teamRows);
  if (team.error) throw team.error;
  for (const id of alert.agents) {
    const was = team.data[0]?.members.find((member) => member.id === id)?.role ?? "member";
    const card = await link.rpc("get_agent", { id }, cardRow);
    if (card.error) throw card.error;
    const gone = await link.fn("spawn", stopped, { id, reason }, { method: "DELETE" });
    if (gone.error) throw gone.error;
    if (action === "reassign") continue;
    const { capabilities, scopes } = card.data;
    const type = typeof action === "object" ? action.fallBack : card.data.type;
    const issued = await requestAgent(link, { type, capabilities, scopes }, headers);
    if (issued.error) throw issued.error;
    const agent = connect(issued.data);
    // There can be only one lead, so the agent that replaces it gets the role `deputy`.
    const role = was === "lead" ? "deputy" : was;
    const joined = await link.rpc(
      "join_team",
      { team_id: alert.team, agent_ids: [agent.id], role },
      teamRow,
    );
    if (joined.error) throw joined.error;
    options.onReplaced?.(agent, alert);
  }
  return typeof action === "object" ? `fall back to ${action.fallBack}` : action;
}
