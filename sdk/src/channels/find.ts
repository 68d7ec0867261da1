import { count, list, row, text } from "../contract/answer-form.ts";
import { failed, ok, type Result } from "../contract/errors.ts";
import { fromDataApi } from "../link/call.ts";
import type { Link } from "../link/link.ts";
import { foreign } from "../link/refusals.ts";
import { readPage } from "./stream.ts";

interface FoundChannel {
  tenant_id: string;
  id: string;
  last_seq: number;
}
const found = row<FoundChannel>({ tenant_id: text, id: text, last_seq: count });

/** The channel with a name, or the reason why the caller cannot see it. */
export async function findChannel(link: Link, name: string): Promise<Result<FoundChannel>> {
  let query = link.client.from("channels").select("tenant_id, id, last_seq").eq("name", name);
  // The secret key sees the channels of every tenant.
  if (link.tenantId) query = query.eq("tenant_id", link.tenantId);
  const answer = fromDataApi(await query.limit(2), list(found));
  if (answer.error) return answer;
  const [channel, another] = answer.data;
  if (channel && !another) return ok(channel);
  // The channel is not visible. The database function knows the exact reason.
  return failed((await readPage(link, name, 0)).error ?? foreign("the Data API"));
}
