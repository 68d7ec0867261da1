/**
 * Valid arguments for the functions of this room. Tests try all kinds of values in one argument, and use these
 * values in the others.
 */
interface Filled {
  alert: string;
  poll: string;
  tender: string;
}

export const wantedOfTeams = (
  { alert, poll, tender }: Filled,
  team: string,
): Record<string, unknown> => ({
  "assign_job.job": { name: "work" },
  "cast_ballot.poll_id": poll,
  "cast_ballot.choice": "another",
  "handle_alert.id": alert,
  "open_poll.question": "Which?",
  "open_poll.options": ["one", "other"],
  "open_poll.quorum": 5,
  "open_tender.job": { name: "work" },
  "place_bid.tender_id": tender,
  "place_bid.score": 1,
  "stop_team.team_id": team,
  "watch_team.team_id": team,
  "watch_team.limits": {},
});
