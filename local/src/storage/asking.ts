import { readBody } from "../api/body.ts";
import { problems } from "./answers.ts";

/**
 * The longest time that a signed URL may be valid: ten years. A caller that asks for a longer time has
 * probably made a mistake.
 */
const maxSeconds = 10 * 365 * 24 * 3600;

/** @throws StorageProblem */
export async function jsonOf(request: Request): Promise<Record<string, unknown>> {
  if (request.method === "GET") return {};
  const text = await readBody(request);
  if (text === "") return {};
  const value = parsed(text);
  if (!value) throw problems.request("The body must be a JSON object.");
  return value;
}

export function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

export function textOf(value: unknown, name: string): string {
  if (typeof value !== "string")
    throw problems.request(`body must have required property '${name}'`);
  return value;
}

export function stringsOf(value: unknown, name: string): string[] {
  if (!Array.isArray(value) || !value.every((each) => typeof each === "string"))
    throw problems.request(`body/${name} must be an array of strings`);
  if (value.length === 0) throw problems.request(`body/${name} must NOT have fewer than 1 items`);
  if (value.length > 1000)
    throw problems.request("Bulk object requests are limited to 1000 objects per request.");
  return value;
}

export function secondsOf(value: unknown): number {
  const seconds = Number(value);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > maxSeconds)
    throw problems.request("body/expiresIn must be a whole number of seconds of at least 1");
  return seconds;
}

export function oneOf<T extends string>(
  given: unknown,
  name: string,
  allowed: readonly T[],
  otherwise: T,
): T {
  if (given === undefined) return otherwise;
  const found = allowed.find((value) => value === given);
  if (!found) throw problems.request(`${name} must be equal to one of the allowed values`);
  return found;
}

export function numberOf(
  given: unknown,
  name: string,
  otherwise: number,
  most = Number.MAX_SAFE_INTEGER,
): number {
  if (given === undefined) return otherwise;
  if (typeof given !== "number" || !Number.isInteger(given) || given < 0)
    throw problems.request(`${name} must be integer`);
  return Math.min(given, most);
}
