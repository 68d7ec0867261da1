import { getTextAtPath } from "@langchain/langgraph-checkpoint";

/** The most that a memory's text may have. */
const most = 100_000;

/** What of a value is searched: the texts at these paths, or the whole value as JSON. */
export function textOf(value: Record<string, unknown>, fields: string[] | undefined): string {
  const texts =
    fields === undefined
      ? [JSON.stringify(value)]
      : fields.flatMap((path) => getTextAtPath(value, path));
  return texts.join("\n").slice(0, most);
}
