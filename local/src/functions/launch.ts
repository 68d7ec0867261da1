import { randomUUID } from "node:crypto";
import { existsSync, realpathSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** Where the router and the development embedder lie, which Deno reads too. */
const OWN_SOURCES = [
  fileURLToPath(new URL(".", import.meta.url)),
  fileURLToPath(new URL("../../../sdk/src", import.meta.url)),
];
/** What a function may need of the host's environment to reach the network as the host does. */
const PASSED_ON = [
  ...["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"],
  ...["SSL_CERT_FILE", "SSL_CERT_DIR", "DENO_CERT", "DENO_TLS_CA_STORE"],
  ...["HOME", "TMPDIR", "SystemRoot", "LOCALAPPDATA"],
];

/**
 * Deno reads the project and reaches the network, as a hosted function does; it may not write, run
 * programs or load native code, never asks, and fetches no module: what is installed is what runs.
 */
export function denoArguments(o: {
  root: string;
  importMap: string | undefined;
  memoryLimitMb: number;
}): string[] {
  const modules = resolve(o.root, "node_modules");
  const readable = [o.root, ...OWN_SOURCES];
  if (existsSync(modules)) readable.push(realpathSync(modules));
  const isConfig = o.importMap !== undefined && /^deno\.jsonc?$/.test(basename(o.importMap));
  const configured = isConfig
    ? [`--config=${o.importMap}`]
    : ["--no-config", ...(o.importMap ? [`--import-map=${o.importMap}`] : [])];
  return [
    "run",
    "--quiet",
    "--no-prompt",
    "--no-check",
    "--no-lock",
    "--cached-only",
    // Not in deno.json, which a deployment takes along: hosted there is no node_modules.
    "--node-modules-dir=manual",
    "--unstable-no-legacy-abort",
    "--allow-net",
    "--allow-env",
    // Packages ask for it while they load, such as the AI SDK; hosted functions may.
    "--allow-sys=hostname",
    `--allow-read=${readable.join(",")}`,
    `--v8-flags=--max-old-space-size=${o.memoryLimitMb}`,
    ...configured,
  ];
}

/** The variables that a function sees: those given, those of the platform, and Deno's own. */
export function denoEnvironment(
  root: string,
  given: Record<string, string>,
): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  const direct = [process.env.NO_PROXY ?? process.env.no_proxy, "127.0.0.1", "localhost"];
  return {
    ...environment,
    NO_PROXY: direct.filter((entry) => entry).join(","),
    DENO_DIR: process.env.DENO_DIR ?? join(root, ".mayfly", "deno"),
    DENO_NO_UPDATE_CHECK: "1",
    NO_COLOR: "1",
    SB_REGION: "local",
    SB_EXECUTION_ID: randomUUID(),
    ...given,
  };
}
