/**
 * Posts JSON to an address that is no part of the project, such as a webhook. What is answered is not read.
 *
 * @returns the status.
 */
export async function postOut(
  url: string | URL,
  text: string,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<number> {
  const response = await fetch(url, {
    method: "POST",
    redirect: "error",
    headers: { "content-type": "application/json", ...headers },
    body: text,
    signal,
  });
  await response.body?.cancel();
  return response.status;
}
