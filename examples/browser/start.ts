// Serves the page with Vite, and prints a link that invites one person to a tenant.
import { join } from "node:path";
import { findRunning } from "@mayfly/local";
import { createServer } from "vite";
import { readArguments } from "../arguments.ts";
import { openTenant } from "../tenant.ts";

const repository = join(import.meta.dirname, "../..");

export interface PageOptions {
  /** The URL of the project. */
  url: string;
  publishableKey: string;
  /** By default 5173, or the next free port. 0 means any port. */
  port?: number;
  /** The folder where Vite caches the dependencies. */
  cacheDir?: string;
}

/** Serves the page on this machine only. The page gets only the publishable key. */
export async function servePage({ url, publishableKey, port = 5173, cacheDir }: PageOptions) {
  const cache = cacheDir ?? join(repository, "node_modules/.vite");
  const server = await createServer({
    root: import.meta.dirname,
    configFile: false,
    logLevel: "warn",
    cacheDir: cache,
    define: {
      "import.meta.env.VITE_MAYFLY_URL": JSON.stringify(url),
      "import.meta.env.VITE_MAYFLY_PUBLISHABLE_KEY": JSON.stringify(publishableKey),
    },
    optimizeDeps: { include: ["ai", "@supabase/supabase-js", "uuid", "zod", "idb", "porter2"] },
    server: {
      host: "127.0.0.1",
      port,
      // Do not serve the whole repository: it contains the secret key of the embedded Supabase.
      fs: { allow: [import.meta.dirname, join(repository, "sdk/src"), cache] },
    },
  });
  await server.listen();
  return { url: server.resolvedUrls?.local[0] ?? "", close: () => server.close() };
}

async function start(): Promise<void> {
  const [tenant] = readArguments("[tenant]").words;
  const { MAYFLY_URL, MAYFLY_PUBLISHABLE_KEY } = process.env;
  if (MAYFLY_URL) {
    if (!MAYFLY_PUBLISHABLE_KEY)
      throw new Error("MAYFLY_URL names a project, so MAYFLY_PUBLISHABLE_KEY must be set too.");
    const page = await servePage({ url: MAYFLY_URL, publishableKey: MAYFLY_PUBLISHABLE_KEY });
    console.log(`Open ${page.url} as a member of a tenant there. Ctrl-C ends it.`);
    return endWith(page.close);
  }
  const project = await findRunning(".mayfly");
  if (!project)
    throw new Error(
      "No project is running in this folder. Start one in another terminal: npm start",
    );
  const mayfly = await openTenant(project.apiUrl, project.secretKey, tenant);
  const { data: invited, error } = await mayfly.people.members.invite({ role: "member" });
  if (error) throw error;
  const page = await servePage({ url: project.apiUrl, publishableKey: project.publishableKey });
  console.log(`Open ${page.url}#invitation=${invited.token}`);
  console.log("The link is for one person, with any address and password. Ctrl-C ends it.");
  endWith(page.close);
}

function endWith(close: () => Promise<void>): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void close().then(() => process.exit(0)));
}

if (import.meta.main)
  await start().catch(({ message, hint }: { message: string; hint?: string }) => {
    console.error([message, hint].filter(Boolean).join(" "));
    process.exitCode = 1;
  });
