import type { Answer } from "./ask.ts";
import type { Tally } from "./reader.ts";
import type { Scan } from "./scan.ts";
import type { Member } from "./team.ts";

/** Where the run takes place. */
export interface Place {
  url: string;
  /** Started for this run, found running, or named by MAYFLY_URL. */
  supabase: "started" | "running" | "named";
  ms: number;
}

/** What the team did, and what is remembered of the folder afterwards. */
export interface Lesson {
  tally: Tally;
  /** Whether anything of this folder was remembered before. */
  again: boolean;
  total: number;
  /** The most agents that presence showed at once; null where presence did not work. */
  seenAlive: number | null;
}

/** Everything that came of a run; what is missing was not reached. */
export interface Outcome {
  folder: string;
  place?: Place;
  tenant?: string;
  found?: Scan;
  members: readonly Member[];
  lesson?: Lesson;
  answers: Answer[];
  /** What a language model was asked, where there is one. */
  thinking: { name: string; calls: number; tokens: number } | null;
  ms: number;
  error: { code: string; message: string } | null;
  interrupted: boolean;
}

/** What a run tells while it goes on. */
export interface Report {
  /** `model` is the name of the language model that thinks, if any. */
  starting(folder: string, model: string | null): void;
  connected(place: Place): void;
  scanned(found: Scan): void;
  learning(plan: { readers: number; lifetime: number; files: number }): void;
  progress(tally: Tally, files: number): void;
  alive(agents: readonly { name: string; status?: string | undefined }[]): void;
  noPresence(message: string): void;
  learned(lesson: Lesson, members: readonly Member[]): void;
  newcomer(name: string, lesson: Lesson): void;
  answer(answer: Answer): void;
  /** Always comes, as the last. */
  finished(outcome: Outcome): void;
}
