import "server-only";

/**
 * Reads the environment. `mayfly dev` sets these variables, and on a server you set them. The key is
 * secret and must never reach a page.
 */
export function environment() {
  const { MAYFLY_URL: url, MAYFLY_KEY: key, MAYFLY_TENANT: tenant } = process.env;
  const publishableKey = process.env.MAYFLY_PUBLISHABLE_KEY;
  if (!url || !key || !tenant || !publishableKey)
    throw new Error(
      "MAYFLY_URL, MAYFLY_KEY, MAYFLY_PUBLISHABLE_KEY or MAYFLY_TENANT is not set. Start with: npm start",
    );
  return { url, key, tenant, publishableKey };
}
