import { Mayfly } from "@mayfly/sdk";
import { createClient } from "@supabase/supabase-js";
import { environment } from "../environment";

/**
 * Makes the signed-in person a member of the tenant. Here anybody who signs up may join. Put your
 * own rule in its place.
 */
export async function POST(request: Request): Promise<Response> {
  const { url, key, publishableKey, tenant } = environment();
  const token = request.headers.get("authorization")?.replace(/^Bearer /, "");
  const { data, error } = await createClient(url, publishableKey).auth.getUser(token);
  if (error) return Response.json({ problem: error.message }, { status: 401 });
  const mayfly = new Mayfly({ url, key, tenant });
  const { error: refused } = await mayfly.people.members.add(data.user.id, "member");
  await mayfly.close();
  const problem = refused && refused.code !== "already_member" ? refused.message : null;
  return Response.json({ problem });
}
