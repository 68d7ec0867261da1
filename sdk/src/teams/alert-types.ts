import type { ApprovalOptions } from "../approvals/types.ts";
import type { Duration } from "../jobs/duration.ts";

/** What the detectors find. */
export type AlertKind = "deadlock" | "repetition" | "silence" | "runaway_cost";

/** Something that goes wrong in a team. */
export interface TeamAlert {
  id: string;
  team: string;
  kind: AlertKind;
  /** The agents that it is about: those of the circle, or the one that repeats itself, is silent, or spends. */
  agents: string[];
  /** What was found, such as `{ activity: "thinking", seconds: 412 }`. */
  detail: Record<string, unknown>;
  /** `over`: it was not found any more. */
  status: "open" | "over";
  /** 1, and one more each time that it was found again after somebody had done something. */
  times: number;
  foundAt: Date;
  handledAt: Date | null;
  handledWith: string | null;
}

/** When the detectors raise an alert. */
export interface AlertLimits {
  /** A member that thinks for longer is silent; 300 s by default. */
  thinking?: Duration;
  /** A member that executes for longer without a recorded step; 600 s by default. */
  executing?: Duration;
  /** A member that is blocked or waits for longer; 1,800 s by default. */
  blocked?: Duration;
  /** So many equal messages or tool calls within the window are a repetition; 5 by default. */
  repeats?: number;
  /** What is counted for repetition and cost; 600 s by default. */
  window?: Duration;
  /** US dollars of one member within the window; half of the team's budget by default. */
  usd?: number;
  /** How long something that was done may take to help; 60 s by default. */
  patience?: Duration;
}

/**
 * What is done about an alert. `nudge`: the agents get a message. `restart`: another of the same type,
 * role and capabilities takes their place. `{ fallBack: type }`: one of another type does. `reassign`: they end,
 * and their jobs go to others. `stop`: the team ends. `ask`: a person decides. Or a function of your own.
 */
export type AlertAction =
  | "nudge"
  | "restart"
  | "reassign"
  | "stop"
  | "ask"
  | { fallBack: string }
  | ((alert: TeamAlert) => unknown);

/** By kind; of a list the first is done at first, the next when that did not help. */
export type AlertRules = Partial<Record<AlertKind, AlertAction | AlertAction[]>>;

/** How a team is watched. */
export interface WatchTeamOptions<Agent> {
  /** 15 s by default. */
  every?: Duration;
  limits?: AlertLimits;
  /** Without a rule for its kind, an alert is told and nothing is done. */
  rules?: AlertRules;
  /** Told of each alert, before anything is done about it. */
  onAlert?: (alert: TeamAlert) => void;
  /** Given each agent that took the place of another: let it work. */
  onReplaced?: (agent: Agent, alert: TeamAlert) => void;
  /** Told what failed; the watch goes on. */
  onError?: (error: unknown) => void;
  /** Of approvals that are asked. */
  approval?: ApprovalOptions;
}
