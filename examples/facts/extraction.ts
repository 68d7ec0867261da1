/** The result of an extraction, by a model or by the stand-in. */
import type { NewFact } from "@mayfly/sdk";
import { z } from "zod";

/** A line of a transcript: `[2026-03-02 09:00] Maya: text`. */
export interface Line {
  at: Date;
  speaker: string;
  text: string;
}

export function linesOf(transcript: string): Line[] {
  return [...transcript.matchAll(/^\[(\S+) (\S+)\] ([^:]+): (.+)$/gm)].map(
    ([, day, time, speaker = "", text = ""]) => ({
      at: new Date(`${day}T${time}:00Z`),
      speaker,
      text,
    }),
  );
}

const entity = z.object({
  name: z.string(),
  type: z.enum(["person", "service", "company", "thing"]),
});
/** The shape of a model's answer. `line` counts from 1, and a fact is valid from the time of its line. */
export const extracted = z.object({
  line: z.int(),
  subject: entity,
  predicate: z.string(),
  object: entity,
  many: z.boolean(),
  confidence: z.number(),
});
export type Extracted = z.infer<typeof extracted>;

/**
 * The facts in Mayfly's format, each with its time and source line. Facts with unknown lines are left out.
 */
export const toFacts = (found: Extracted[], lines: Line[]): NewFact[] =>
  found.flatMap(({ line: number, subject, predicate, object, many, confidence }) => {
    const line = lines[number - 1];
    if (!line) return [];
    const source = `${line.speaker}: ${line.text}`;
    const sure = Math.min(1, Math.max(0, confidence));
    return [{ subject, predicate, object, many, confidence: sure, source, validFrom: line.at }];
  });
