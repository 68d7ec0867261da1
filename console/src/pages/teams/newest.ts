import type { Result } from "@mayfly/sdk";
import type { Space } from "../../live/space.ts";

/** So many of the tenant's are looked at, for those of one team. */
const looked = 30;

/** The newest of a team that the log tells of, each as it is by now. */
export async function newest<T extends { team: string | null }>(
  space: Space,
  type: string,
  get: (id: string) => Promise<Result<T>>,
  team: string,
): Promise<Result<T[]>> {
  const opened = await space.mayfly.log.list({ types: [type], limit: looked });
  if (opened.error) return opened;
  const ids = opened.data.events.flatMap(({ subject }) => subject ?? []);
  const found = await Promise.all(ids.map(get));
  return {
    data: found.flatMap(({ data }) => (data?.team === team ? [data] : [])),
    error: null,
  };
}
