import { useEffect } from "preact/hooks";
import type { Space } from "./space.ts";

/** A team's id in the name of its channel, or in the key of a state on its blackboard. */
const team = /\bteam[-/]([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\b/;

/** Looks up the teams that these names mention by id, so that `withNames` knows them. */
export function useTeamNames({ subjects }: Space, names: readonly string[]): void {
  const ids = names.flatMap((name) => team.exec(name)?.[1] ?? []);
  useEffect(() => subjects.wantTeams(ids), [ids.join(" ")]);
}
