/**
 * A broadcast can arrive before the row that caused it is visible (370 of 3,464 on a busy machine,
 * up to 69 ms early). A reader that finds nothing, or too little, looks again after this many
 * milliseconds.
 */
export const lookAgainMs = [50, 150, 400] as const;
