import { useEffect } from "preact/hooks";
import type { Space } from "./space.ts";

/** `team-<id of the channel>` is a team's channel, and `team/<id of the team>/…` a state on its blackboard. */
const ofTeam = /^team([-/])([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})/;

/** Looks up the teams that these names of channels or keys of states mention, so that `withNames` knows them. */
export function useTeamNames({ subjects }: Space, names: readonly string[]): void {
  const found = names.flatMap((name) => [ofTeam.exec(name) ?? []]);
  const idsAfter = (sign: string) =>
    found.flatMap(([, own, id]) => (own === sign && id ? [id] : []));
  const [channels, teams] = [idsAfter("-"), idsAfter("/")];
  useEffect(() => {
    subjects.wantIds("channel", channels);
    subjects.wantIds("team", teams);
  }, [[...channels, ...teams].join(" ")]);
}
