import { randomUUID } from "node:crypto";
import { existsSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Modules } from "./modules.ts";

/** The folders of the router and the development embedder, which Deno reads too. */
const OWN_SOURCES = [
  fileURLToPath(new URL(".", import.meta.url)),
  // In the package, the router is one file with everything that it imports.
  ...(import.meta.url.endsWith(".ts")
    ? [fileURLToPath(new URL("../../../sdk/src", import.meta.url))]
    : []),
];
/** The host's variables that functions may need to reach the network in the same way as the host. */
const PASSED_ON = [
  ...["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"],
  ...["NPM_CONFIG_REGISTRY", "npm_config_registry", "NODE_EXTRA_CA_CERTS"],
  ...["SSL_CERT_FILE", "SSL_CERT_DIR", "DENO_CERT", "DENO_TLS_CA_STORE"],
  ...["HOME", "TMPDIR", "SystemRoot", "LOCALAPPDATA"],
];

/**
 * Like a hosted function, Deno can read the project and reach the network. It may not write, run
 * programs or load native code, and never asks. If node_modules has everything that the functions
 * import, Deno uses it. Otherwise it downloads the modules once and keeps them, as the hosted runtime
 * does.
 */
export function denoArguments(o: {
  root: string;
  importMap: string | undefined;
  modules: Modules;
  memoryLimitMb: number;
}): string[] {
  return [
    "run",
    "--quiet",
    "--no-prompt",
    "--no-check",
    "--no-lock",
    ...(o.modules.installed ? installed(o.root, o) : fetched(o.root, o.modules)),
    "--unstable-no-legacy-abort",
    "--allow-net",
    "--allow-env",
    // Packages such as the AI SDK read the host name while they load. Functions on a hosted project may
    // read it, too.
    "--allow-sys=hostname",
    `--v8-flags=--max-old-space-size=${o.memoryLimitMb}`,
  ];
}

function installed(
  root: string,
  {
    importMap,
    modules: { importMap: merged },
  }: { importMap: string | undefined; modules: Modules },
): string[] {
  const modules = resolve(root, "node_modules");
  const readable = [root, ...OWN_SOURCES];
  if (existsSync(modules)) readable.push(realpathSync(modules));
  const isConfig = importMap !== undefined && /^deno\.jsonc?$/.test(basename(importMap));
  return [
    "--cached-only",
    // This is not in deno.json, because that file is deployed, and hosted functions have no node_modules.
    "--node-modules-dir=manual",
    `--allow-read=${readable.join(",")}`,
    ...(isConfig ? [`--config=${importMap}`] : ["--no-config", asText(merged)]),
  ];
}

const fetched = (root: string, { importMap }: Modules): string[] => [
  "--node-modules-dir=none",
  `--allow-read=${[root, ...OWN_SOURCES, cacheFolder()].join(",")}`,
  "--no-config",
  asText(importMap),
];

const asText = (importMap: object): string =>
  `--import-map=data:application/json;base64,${Buffer.from(JSON.stringify(importMap)).toString("base64")}`;

/** One cache for all projects of this user, so that a module is downloaded once. */
const cacheFolder = (): string =>
  process.env.DENO_DIR ??
  join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "mayfly", "deno");

/** The variables that a function sees: the project's, the platform's and Deno's own. */
export function denoEnvironment(given: Record<string, string>): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  const direct = [process.env.NO_PROXY ?? process.env.no_proxy, "127.0.0.1", "localhost"];
  return {
    ...environment,
    NO_PROXY: direct.filter((entry) => entry).join(","),
    DENO_DIR: cacheFolder(),
    DENO_NO_UPDATE_CHECK: "1",
    NO_COLOR: "1",
    SB_REGION: "local",
    SB_EXECUTION_ID: randomUUID(),
    ...given,
  };
}
