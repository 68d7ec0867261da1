import type { Result } from "@mayfly/sdk";
import type { Space } from "../../live/space.ts";
import type { Entry } from "./entry.ts";

const just = (data: unknown): Promise<Result<unknown>> => Promise.resolve({ data, error: null });

/**
 * The current content of the subject of a line, because the log itself has only ids and field names.
 */
export async function contentOf(space: Space, entry: Entry): Promise<Result<unknown>> {
  if (entry.from === "debug") return just(entry.record.data);
  const { kind, subject } = entry.event;
  const { mayfly } = space;
  if (subject === null) return just(null);
  if (kind === "agent") return mayfly.agents.get(subject);
  if (kind === "memory") return mayfly.memory.get(subject);
  if (kind === "job") return mayfly.jobs.get(subject);
  if (kind === "workflow") return mayfly.workflows.query(subject);
  if (kind === "run") return mayfly.runs.get(subject);
  if (kind === "approval") return mayfly.approvals.get(subject);
  if (kind === "poll") return mayfly.teams.polls.get(subject);
  if (kind === "tender") return mayfly.teams.tenders.get(subject);
  if (kind === "team") return mayfly.teams.get(subject);
  if (kind === "message") {
    const { data, error } = await mayfly.messages.list({ ids: [subject] });
    return error ? { data: null, error } : just(data[0] ?? null);
  }
  return just(null);
}
