import "server-only";

/** Set by `mayfly dev`, and on a server by you. The key is secret: nothing of it may reach a page. */
export function environment() {
  const { MAYFLY_URL: url, MAYFLY_KEY: key, MAYFLY_TENANT: tenant } = process.env;
  const publishableKey = process.env.MAYFLY_PUBLISHABLE_KEY;
  if (!url || !key || !tenant || !publishableKey)
    throw new Error(
      "MAYFLY_URL, MAYFLY_KEY, MAYFLY_PUBLISHABLE_KEY and MAYFLY_TENANT are not all set. Start with: npm start",
    );
  return { url, key, tenant, publishableKey };
}
