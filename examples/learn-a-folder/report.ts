import type { Answer } from "./ask.ts";
import type { Tally } from "./reader.ts";
import type { Scan } from "./scan.ts";
import type { Member } from "./team.ts";

/** The project of the run. */
export interface Place {
  url: string;
  /** Whether the project was started for this run, was already running, or is the one in MAYFLY_URL. */
  supabase: "started" | "running" | "named";
  ms: number;
}

/** What the team did, and the memories of the folder afterwards. */
export interface Lesson {
  tally: Tally;
  /** Whether anything of this folder was remembered before. */
  again: boolean;
  total: number;
  /** The most agents that presence showed at once. Null if presence did not work. */
  seenAlive: number | null;
}

/** All results of a run. If the run ended early, the parts that it did not reach are missing. */
export interface Outcome {
  folder: string;
  place?: Place;
  tenant?: string;
  found?: Scan;
  members: readonly Member[];
  lesson?: Lesson;
  answers: Answer[];
  /** The calls of the language model, if there is one. */
  thinking: { name: string; calls: number; tokens: number } | null;
  ms: number;
  error: { code: string; message: string } | null;
  interrupted: boolean;
}

/** What a run reports before it ends. */
export interface Report {
  /** `model` is the name of the language model, if any. */
  starting(folder: string, model: string | null): void;
  connected(place: Place): void;
  scanned(found: Scan): void;
  learning(plan: { readers: number; lifetime: number; files: number }): void;
  progress(tally: Tally, files: number): void;
  alive(agents: readonly { name: string; status?: string | undefined }[]): void;
  noPresence(message: string): void;
  /** A call of the model failed, and is tried again. */
  modelFailed(message: string): void;
  learned(lesson: Lesson, members: readonly Member[]): void;
  newcomer(name: string, lesson: Lesson): void;
  answer(answer: Answer): void;
  /** Always called, and always last. */
  finished(outcome: Outcome): void;
}
