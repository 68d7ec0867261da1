/** Valid arguments for the functions of this room, for tests that try all kinds of values in one argument. */
export const wantedOfThreads = {
  "put_checkpoint.channel_versions": {},
  "put_checkpoint.metadata": {},
  "put_checkpoint.channel_values": [],
  "put_writes.writes": [],
  "list_checkpoints.filter": {},
};
