import type { HeldJob } from "../jobs/held-job.ts";
import type { JobHandler } from "../jobs/local-job.ts";
import { postOut } from "../link/post-out.ts";

/** How a webhook is called. */
export interface WebhookOptions<Input = never> {
  /** Signs each call: `mayfly-signature: t=<seconds>,v1=<HMAC-SHA256 of "<seconds>.<body>", hex>`. */
  secret?: string;
  /** Additional headers, such as the key of a service that sends mail. */
  headers?: Record<string, string>;
  /** Returns what to post as JSON. By default, the input of the job. */
  body?: (input: Input) => unknown;
  /** 10,000 by default. */
  timeoutMs?: number;
}

/** Whether the call failed for good, because the receiver understood the request and refused it. */
const isFinal = (status: number) =>
  status >= 400 && status < 500 && ![408, 425, 429].includes(status);

/**
 * Returns a handler that posts the input of its job as JSON. Unless the answer is 2xx, the attempt
 * fails and is retried. Each attempt has the same `idempotency-key`. Use it for the job that an
 * approval policy names in `notify`.
 *
 * @example
 * await mayfly.approvals.policies.set({ notify: "tell-people" });
 * const handlers = { "tell-people": webhook("https://hooks.example.com/approvals", { secret: key }) };
 * const { data: work } = await agent.work(handlers);
 */
export function webhook<Input = unknown>(
  url: string | URL,
  { secret, headers = {}, body = (input) => input, timeoutMs = 10_000 }: WebhookOptions<Input> = {},
): JobHandler {
  return async (input: Input, job: HeldJob) => {
    const text = JSON.stringify(body(input));
    const sent = {
      "idempotency-key": job.key ?? job.id,
      ...(secret !== undefined && { "mayfly-signature": await signed(secret, text) }),
      ...headers,
    };
    const signal = AbortSignal.any([job.signal, AbortSignal.timeout(timeoutMs)]);
    const status = await postOut(url, text, sent, signal);
    if (status >= 200 && status < 300) return { status };
    // Name only the host of the address, because the rest may be secret.
    throw Object.assign(new Error(`${new URL(url).host} answered ${status}.`), {
      code: "webhook_refused",
      retryable: !isFinal(status),
    });
  };
}

async function signed(secret: string, text: string): Promise<string> {
  const at = Math.floor(Date.now() / 1_000);
  const encoder = new TextEncoder();
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, [
    "sign",
  ]);
  const mac = await crypto.subtle.sign("HMAC", key, encoder.encode(`${at}.${text}`));
  const hex = Array.from(new Uint8Array(mac), (byte) => byte.toString(16).padStart(2, "0"));
  return `t=${at},v1=${hex.join("")}`;
}
