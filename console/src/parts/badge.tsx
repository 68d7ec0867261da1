import type { ComponentChildren } from "preact";

/** The colour of each kind of event and debug record. See `styles/tokens.css`. */
const tones: Record<string, string> = {
  agent: "blue",
  lifecycle: "blue",
  memory: "violet",
  fact: "violet",
  message: "teal",
  channel: "teal",
  state: "amber",
  job: "orange",
  workflow: "orange",
  task: "orange",
  step: "gray",
  tool: "green",
  decision: "pink",
  thought: "gray",
  run: "pink",
  team: "pink",
  poll: "pink",
  tender: "pink",
  approval: "amber",
  budget: "green",
  member: "gray",
  error: "red",
};

export const toneOf = (kind: string): string => tones[kind] ?? "gray";

const statusTones: Record<string, string> = {
  running: "green",
  executing: "green",
  thinking: "blue",
  blocked: "red",
  waiting_review: "amber",
  succeeded: "green",
  approved: "green",
  ok: "green",
  ready: "blue",
  scheduled: "gray",
  waiting: "amber",
  cancelling: "amber",
  delegated: "blue",
  pending: "amber",
  paused: "amber",
  suspended: "amber",
  failed: "red",
  rejected: "red",
  expired: "gray",
  stopped: "gray",
  cancelled: "gray",
};

export function Badge({ tone = "gray", children }: { tone?: string; children: ComponentChildren }) {
  return <span class={`badge tone-${tone}`}>{children}</span>;
}

/** A status in its colour. `says` is shown instead of the status's own word. */
export function Status({ of, says = of }: { of: string; says?: string }) {
  return (
    <span class={`status tone-${statusTones[of] ?? "gray"}`}>
      <i class="dot" />
      {says.replaceAll("_", " ")}
    </span>
  );
}

/** The type of an event, coloured by its kind. */
export function Kind({ of }: { of: string }) {
  return <span class={`kind tone-${toneOf(of.split(".")[0] ?? of)}`}>{of}</span>;
}
