/** What the functions of the room need besides, when values are tried on them. */
export const wantedOfThreads = {
  "put_checkpoint.channel_versions": {},
  "put_checkpoint.metadata": {},
  "put_checkpoint.channel_values": [],
  "put_writes.writes": [],
  "list_checkpoints.filter": {},
};
