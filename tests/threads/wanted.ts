/**
 * Valid arguments for the functions of this room. Tests try all kinds of values in one argument, and use these
 * values in the others.
 */
export const wantedOfThreads = {
  "put_checkpoint.channel_versions": {},
  "put_checkpoint.metadata": {},
  "put_checkpoint.channel_values": [],
  "put_writes.writes": [],
  "list_checkpoints.filter": {},
};
