import { idOf } from "../contract/ids.ts";

/** Which dead letters to redrive or discard: those with these ids, those of one queue, or all. */
export interface DeadJobs {
  ids?: string[];
  queue?: string;
  /** How many at most; 1,000 by default, 10,000 at most. */
  limit?: number;
}

/** Which dead letters, in the form that SQL expects. */
export const toDead = ({ ids, queue, limit }: DeadJobs) => ({
  ...(ids && { ids: ids.map(idOf) }),
  ...(queue && { of_queue: queue }),
  ...(limit !== undefined && { max_rows: limit }),
});
