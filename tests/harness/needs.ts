/** What some suites need in addition to Node, and how to get it. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** A real Postgres 17 with pgvector, as a superuser, for true concurrency. */
export const databaseUrl = process.env.DATABASE_URL;

const chromiumPaths = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
/** A browser to control. */
export const chromiumPath =
  process.env.CHROMIUM_PATH ?? chromiumPaths.find((path) => existsSync(path));

/** The oldest Node that the SDK's package supports. */
export const node22Path = process.env.NODE22_PATH;

/** Runtimes that are not packages of the repository: see `.ci/run`. */
const runtime = (set: string | undefined, cached: string) => {
  const path = join(import.meta.dirname, "../../node_modules/.cache/runtimes/node_modules", cached);
  return set ?? (existsSync(path) ? path : undefined);
};
export const bunPath = runtime(process.env.BUN_PATH, "@oven/bun-linux-x64/bin/bun");
/** The runtime of Cloudflare Workers. */
export const workerdPath = runtime(
  process.env.WORKERD_PATH,
  "@cloudflare/workerd-linux-64/bin/workerd",
);

/** Whether processes can be started in their own container, where each is process 1. */
export const canUnshare =
  process.platform === "linux" &&
  spawnSync("unshare", ["--pid", "--fork", "--mount-proc", "true"]).status === 0;

/** Older versions of supabase-js, oldest first: the node_modules of each. See `.ci/run`. */
export const olderClients = ["2.84", "2.106"].map((version) => {
  const set = process.env[`SUPABASE_JS_${version.replace(".", "_")}_PATH`];
  const cached = join(
    import.meta.dirname,
    `../../node_modules/.cache/supabase-js-${version}/node_modules`,
  );
  const modules = [set, cached].find(
    (path) => path !== undefined && existsSync(join(path, "@supabase/supabase-js")),
  );
  return { version, modules };
});
const oldest = olderClients[0]?.modules;
export const olderClientPath = oldest && join(oldest, "@supabase/supabase-js/dist/module/index.js");

const runtimes = "install it as .ci/run does, or set";
/** For the summary: what is missing here, how to get it, and the word in a test file that shows the need. */
export const missing = [
  {
    ...{ need: "databaseUrl", has: databaseUrl, what: "the suites on a real Postgres 17" },
    how: "set DATABASE_URL to one with pgvector, as a superuser",
  },
  {
    ...{ need: "chromiumPath", has: chromiumPath, what: "the suites in a browser" },
    how: "install Chromium, or set CHROMIUM_PATH",
  },
  {
    ...{ need: "node22Path", has: node22Path, what: "the packed SDK in Node 22" },
    how: "set NODE22_PATH to its binary",
  },
  {
    ...{ need: "bunPath", has: bunPath, what: "the packed SDK in Bun" },
    how: `${runtimes} BUN_PATH`,
  },
  {
    ...{ need: "workerdPath", has: workerdPath, what: "the packed SDK in workerd" },
    how: `${runtimes} WORKERD_PATH`,
  },
  ...olderClients.map(({ version, modules }) => ({
    ...{ need: "olderClient", has: modules, what: `supabase-js ${version}` },
    how: `${runtimes} SUPABASE_JS_…_PATH to its node_modules`,
  })),
  {
    ...{ need: "canUnshare", has: canUnshare },
    what: "the locks of two processes that both are process 1",
    how: "run on Linux as root, with unshare of util-linux",
  },
].filter(({ has }) => !has);
