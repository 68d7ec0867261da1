import type { MatchCondition } from "@langchain/langgraph-checkpoint";

type Values = Record<string, unknown>;

const comparisons: Record<string, (value: unknown, given: unknown) => boolean> = {
  $eq: (value, given) => value === given,
  $ne: (value, given) => value !== given,
  $gt: (value, given) => Number(value) > Number(given),
  $gte: (value, given) => Number(value) >= Number(given),
  $lt: (value, given) => Number(value) < Number(given),
  $lte: (value, given) => Number(value) <= Number(given),
  $in: (value, given) => Array.isArray(given) && given.includes(value),
  $nin: (value, given) => !Array.isArray(given) || !given.includes(value),
};

/**
 * Whether a value matches a filter. Each field of the filter is a value that must be equal, or has LangGraph's
 * operators.
 */
export const passes = (value: Values, filter: Values | undefined): boolean =>
  Object.entries(filter ?? {}).every(([field, asked]) => {
    const operators = operatorsOf(asked);
    if (!operators) return value[field] === asked;
    return operators.every(([name, given]) => comparisons[name]?.(value[field], given));
  });

function operatorsOf(asked: unknown): [string, unknown][] | undefined {
  if (typeof asked !== "object" || asked === null) return undefined;
  const entries = Object.entries(asked);
  return entries.every(([name]) => name in comparisons) ? entries : undefined;
}

/** Whether a namespace matches a condition on its beginning or end. `*` stands for any label. */
export function isMatch({ matchType, path }: MatchCondition, namespace: string[]): boolean {
  const offset = matchType === "prefix" ? 0 : namespace.length - path.length;
  return (
    path.length <= namespace.length &&
    path.every((label, at) => label === "*" || label === namespace[offset + at])
  );
}
