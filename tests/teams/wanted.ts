/** What the functions of the room need besides, when values are tried on them. */
interface Filled {
  poll: string;
  tender: string;
}

export const wantedOfTeams = ({ poll, tender }: Filled, team: string): Record<string, unknown> => ({
  "assign_job.job": { name: "work" },
  "cast_ballot.poll_id": poll,
  "cast_ballot.choice": "another",
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
