import { getTextAtPath } from "@langchain/langgraph-checkpoint";

/** The maximum length of a memory's text. */
const most = 100_000;

/** The searchable text of a value: the texts at these paths, or the whole value as JSON. */
export function textOf(value: Record<string, unknown>, fields: string[] | undefined): string {
  const texts =
    fields === undefined
      ? [JSON.stringify(value)]
      : fields.flatMap((path) => getTextAtPath(value, path));
  return texts.join("\n").slice(0, most);
}
