/**
 * The Cranfield collection: 1,400 abstracts about aerodynamics, 225 questions, and which abstracts answer which
 * question.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

const folder = join(import.meta.dirname, "../data/cranfield");

export interface Cranfield {
  documents: { n: number; title: string; text: string }[];
  questions: { n: number; text: string; relevant: Set<number> }[];
}

/** The records of a file. Each field of a record is named by a letter. */
async function recordsOf(file: string): Promise<Record<string, string>[]> {
  const text = await readFile(join(folder, file), "latin1");
  return text
    .split(/^\.I /m)
    .slice(1)
    .map((record) => {
      const [id = "", ...fields] = record.split(/^\.([TABW])\s*$/m);
      const found: Record<string, string> = { I: id.trim() };
      for (let n = 0; n < fields.length; n += 2)
        found[fields[n] ?? ""] = (fields[n + 1] ?? "").replace(/\s+/g, " ").trim();
      return found;
    });
}

export async function readCranfield(): Promise<Cranfield> {
  const [documents, questions] = [await recordsOf("cran.all.1400"), await recordsOf("cran.qry")];
  const relevant = new Map<number, Set<number>>();
  for (const line of (await readFile(join(folder, "cranqrel"), "utf8")).split("\n")) {
    // The third column is a grade, which may be -1.
    const [question, document] = line.trim().split(/\s+/).map(Number);
    if (question && document)
      relevant.set(question, (relevant.get(question) ?? new Set()).add(document));
  }
  return {
    // Two abstracts have neither a title nor a text.
    documents: documents
      .map(({ I, T = "", W = "" }) => ({ n: Number(I), title: T, text: W }))
      .filter(({ title, text }) => title + text !== ""),
    // The judgements number the questions consecutively. The questions' own numbers have gaps.
    questions: questions.map(({ W = "" }, index) => ({
      n: index + 1,
      text: W,
      relevant: relevant.get(index + 1) ?? new Set(),
    })),
  };
}
