import type { ApprovalOptions } from "../approvals/types.ts";
import type { Duration } from "../jobs/duration.ts";

/** The kinds of alerts that the detectors raise. */
export type AlertKind = "deadlock" | "repetition" | "silence" | "runaway_cost";

/** Something that is going wrong in a team. */
export interface TeamAlert {
  id: string;
  team: string;
  kind: AlertKind;
  /**
   * The agents that the alert is about: all that wait for each other in a cycle, or the agent that repeats
   * itself, is silent, or spends too much.
   */
  agents: string[];
  /** What was found, such as `{ activity: "thinking", seconds: 412 }`. */
  detail: Record<string, unknown>;
  /** `over`: the detectors no longer find it. */
  status: "open" | "over";
  /** Starts at 1, and increases each time that it is found again after a rule was applied. */
  times: number;
  foundAt: Date;
  handledAt: Date | null;
  handledWith: string | null;
}

/** When the detectors raise an alert. */
export interface AlertLimits {
  /** A member that thinks for longer than this counts as silent; 300 s by default. */
  thinking?: Duration;
  /**
   * A member that executes for longer than this without recording a step counts as silent; 600 s by
   * default.
   */
  executing?: Duration;
  /**
   * A member that is blocked or waits for longer than this counts as silent; 1,800 s by default.
   */
  blocked?: Duration;
  /** How many equal messages or tool calls within the window are a repetition; 5 by default. */
  repeats?: number;
  /** The window in which repetition and cost are counted; 600 s by default. */
  window?: Duration;
  /**
   * US dollars that one member may spend within the window; half of the team's budget by default.
   */
  usd?: number;
  /** How long a rule has to take effect before the next one is applied; 60 s by default. */
  patience?: Duration;
}

/**
 * What to do about an alert. `nudge`: the agents get a message. `restart`: agents of the same type,
 * role and capabilities replace them. `{ fallBack: type }`: agents of another type replace them.
 * `reassign`: the agents end, and others get their jobs. `stop`: the team ends. `ask`: a person
 * decides. A function runs your own code.
 */
export type AlertAction =
  | "nudge"
  | "restart"
  | "reassign"
  | "stop"
  | "ask"
  | { fallBack: string }
  | ((alert: TeamAlert) => unknown);

/**
 * Rules by kind of alert. In a list, the first rule is applied first, and the next one if that did
 * not help.
 */
export type AlertRules = Partial<Record<AlertKind, AlertAction | AlertAction[]>>;

/** How a team is watched. */
export interface WatchTeamOptions<Agent> {
  /** 15 s by default. */
  every?: Duration;
  limits?: AlertLimits;
  /** If an alert's kind has no rule, it is only reported to `onAlert`. */
  rules?: AlertRules;
  /** Called with each alert before its rule is applied. */
  onAlert?: (alert: TeamAlert) => void;
  /** Called with each agent that replaced another one, so that you can give it work. */
  onReplaced?: (agent: Agent, alert: TeamAlert) => void;
  /** Called with errors. The watch continues. */
  onError?: (error: unknown) => void;
  /** Options of the approvals that `ask` requests. */
  approval?: ApprovalOptions;
}
