import { idOf } from "../contract/ids.ts";
import type { ApplicationClient } from "../link/application-client.ts";
import { connect } from "../link/connect.ts";
import { Link } from "../link/link.ts";
import { Requests } from "../link/requests.ts";
import { Memories } from "./memories.ts";

export type { Memories } from "./memories.ts";

/** Which project to use, as whom, and in which tenant, like the options of `new Mayfly`. */
export interface OpenMemoriesOptions {
  /** The project's URL. */
  url: string;
  /** The publishable key, or on a server the secret key. */
  key: string;
  /** The tenant in which to work. The secret key needs it, and so does a person in several tenants. */
  tenant?: string;
  /** The application's own SupabaseClient. The person who is signed in there is the caller. */
  client?: ApplicationClient;
  /** The prefix of the edge functions' names, if you installed them with `mayfly init --prefix`. */
  functionsPrefix?: string;
}

/**
 * Opens only the memory of a tenant, for a page that recalls but does not spawn, send or work. It
 * has the same calls as `mayfly.memory`, with less than half of the code.
 *
 * @example
 * const memory = openMemories({ url, key: publishableKey, client: supabase, tenant });
 * const { data } = await memory.recall("how do I rotate the key?");
 */
export function openMemories({
  url,
  key,
  tenant,
  client,
  functionsPrefix,
}: OpenMemoriesOptions): Memories {
  const tenantId = tenant && idOf(tenant);
  const options = { url, key, ...(tenantId && { tenant: tenantId }), ...(client && { client }) };
  const connected = connect(options, new Requests(functionsPrefix).fetch);
  return new Memories(new Link({ client: connected, tenantId: tenantId || undefined }));
}
