/** The task of every pattern: find the mistakes in six pages. The quality of the answer can be measured. */

export interface Page {
  name: string;
  text: string;
}

/** Each page, with the words that are wrong in it. */
const written: [string, string, string[]][] = [
  [
    "harbour.md",
    "The harbour opened in 1921. It was built in four years, from 1915 to 1918. It has 12 cranes: 5 in the north and 6 in the south.",
    ["four years, from 1915 to 1918", "5 in the north and 6 in the south"],
  ],
  [
    "bakery.md",
    "The bakery sells 300 loaves a day, 2,100 a week. It opens at 6:00 in the evening, before anyone is at work. Rye is its third kind of two.",
    ["6:00 in the evening", "third kind of two"],
  ],
  [
    "library.md",
    "The library lends books for 14 days, that is three weeks. It has 40,000 books, half of them novels: 25,000.",
    ["14 days, that is three weeks", "half of them novels: 25,000"],
  ],
  [
    "bridge.md",
    "The bridge is 2 km long, 200 metres from end to end. It carries trams only, and 9,000 cars a day.",
    ["2 km long, 200 metres", "trams only, and 9,000 cars"],
  ],
  [
    "garden.md",
    "The garden has a pond in the middle, at its northern edge. Its oldest tree, planted in 1890, is 35 years old in 2020.",
    ["in the middle, at its northern edge", "planted in 1890, is 35 years old"],
  ],
  [
    "station.md",
    "The station has 8 platforms, numbered 1 to 7. Trains leave every 20 minutes, four an hour.",
    ["8 platforms, numbered 1 to 7", "every 20 minutes, four an hour"],
  ],
];

export const pages: Page[] = written.map(([name, text]) => ({ name, text }));
const mistakes = new Map(written.map(([name, , wrong]) => [name, wrong]));

/** A finding: words of a page. */
export interface Finding {
  page: string;
  words: string;
}

const overlap = (a: string, b: string) => a.includes(b) || b.includes(a);

/** The mistakes of a page, used only by the stand-in for a model. */
export const mistakesOf = (page: string): string[] => mistakes.get(page) ?? [];

/** A score between 0 and 1 from how many mistakes were found and how many findings are mistakes (F1). */
export function qualityOf(findings: Finding[]): number {
  const isRight = ({ page, words }: Finding) => mistakesOf(page).some((one) => overlap(one, words));
  const right = findings.filter(isRight).length;
  const all = [...mistakes].flatMap(([page, wrong]) => wrong.map((words) => ({ page, words })));
  const found = all.filter((one) =>
    findings.some(({ page, words }) => page === one.page && overlap(words, one.words)),
  ).length;
  return right === 0 ? 0 : f1(right / findings.length, found / all.length);
}

const f1 = (precision: number, recall: number) => (2 * precision * recall) / (precision + recall);

/** Each finding once. */
export function distinct(findings: Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ page, words }) => {
    const key = `${page}: ${words}`;
    return !seen.has(key) && seen.add(key);
  });
}
