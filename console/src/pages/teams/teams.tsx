import "./teams.css";
import type { PageProps } from "../page.ts";
import { OneTeam } from "./one-team.tsx";
import { TeamList } from "./team-list.tsx";

/** All teams, or one of them. */
export default function Teams({ space, rest }: PageProps) {
  const [id] = rest;
  return id ? <OneTeam key={id} space={space} id={id} /> : <TeamList space={space} />;
}
