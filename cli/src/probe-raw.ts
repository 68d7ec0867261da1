import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { Connection } from "./connection.ts";
import { authorization } from "./probe.ts";

const timeoutMs = 20_000;

/** Sends header fields as they are given, because `fetch` joins fields with the same name. */
export function probeRaw(
  { url, key }: Pick<Connection, "url" | "key">,
  path: string,
  headers: Record<string, string | string[]>,
): Promise<{ status: number; text: string }> {
  const target = new URL(`${url}${path}`);
  const request = target.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    request(
      target,
      {
        headers: { apikey: key, ...authorization(key), ...headers },
        signal: AbortSignal.timeout(timeoutMs),
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part: string) => {
          text += part;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
        response.on("error", reject);
      },
    )
      .on("error", reject)
      .end();
  });
}
