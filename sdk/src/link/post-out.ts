/**
 * Posts JSON to an address outside of the project, such as a webhook. Does not read the answer.
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
