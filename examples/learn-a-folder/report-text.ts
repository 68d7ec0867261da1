import { styleText } from "node:util";
import type { Answer, Finding } from "./ask.ts";
import { count, duration, fill, printable, size, wrap } from "./format.ts";
import { LiveLine } from "./live-line.ts";
import { learnedOf } from "./reader.ts";
import type { Lesson, Outcome, Place, Report } from "./report.ts";
import type { Scan } from "./scan.ts";
import type { Member } from "./team.ts";
import type { Written } from "./thinking.ts";
import { stemsOf, wordsWith } from "./words.ts";

type Style = Parameters<typeof styleText>[0];

/** A report for people: plain lines, and in a terminal also colour and a progress line. */
export function textReport(out: NodeJS.WriteStream, err: NodeJS.WriteStream): Report {
  const paint = (style: Style, text: string) => styleText(style, text, { stream: out });
  const live = new LiveLine(out);
  const columns = out.columns ?? Number.POSITIVE_INFINITY;
  const say = (text = "") => live.print(text);
  const tell = (text: string) => say(fill(text, columns).join("\n"));
  const field = (name: string, text: string) =>
    say(
      `  ${paint("dim", name.padEnd(10))}${fill(text, columns - 12).join(`\n${" ".repeat(12)}`)}`,
    );
  let silentPresence = false;
  const failures = new Set<string>();
  let files = 0;

  return {
    starting(folder, model) {
      say(`${paint("bold", "Mayfly")} learns a folder.`);
      say();
      field("folder", folder);
      if (model) field("model", `${model}, which is sent what is read`);
      live.show("starting Supabase…");
    },
    connected: (place) => field("supabase", placeText(place)),
    scanned(found) {
      files = found.files.length;
      field("files", filesText(found));
    },
    learning({ readers, lifetime }) {
      if (readers === 0) return;
      say();
      tell(
        `${count(readers, "agent")} ${readers === 1 ? "reads" : "read"} them, each with ${lifetime} s to live unless it renews itself.`,
      );
    },
    progress(tally, total) {
      const episodes = learnedOf(tally);
      live.show(
        `${tally.files.toLocaleString("en-US")} of ${count(total, "file")} · ${count(episodes, "episode")} new`,
        tally.files / Math.max(1, total),
      );
    },
    alive(agents) {
      const busy = agents.find((agent) => agent.status);
      const doing = busy ? `, ${busy.name} is ${busy.status}` : "";
      live.aside(`${count(agents.length, "reader")} alive${doing}`);
    },
    noPresence(message) {
      if (!silentPresence) say(`  ${paint("yellow", "presence does not work:")} ${message}`);
      silentPresence = true;
    },
    modelFailed(message) {
      if (!failures.has(message)) field("model", `is asked again: ${message}`);
      failures.add(message);
    },
    learned(lesson, members) {
      for (const member of members.filter((one) => one.role === "reader")) {
        say(`  ${readerText(member, paint)}`);
      }
      say();
      for (const line of lessonText(lesson, files)) tell(line);
    },
    newcomer(name, { total }) {
      say();
      tell(
        `They are all gone. ${paint("cyan", name)} is new, has read nothing, and answers from the ` +
          `${count(total, "episode")} they left.`,
      );
    },
    answer(answer) {
      const width = Math.max(60, Math.min(out.columns ?? 120, 120));
      for (const line of answerText(answer, width, paint)) say(line);
    },
    finished(outcome) {
      live.end();
      say();
      if (outcome.error)
        err.write(
          `${fill(`${paint("red", "Failed:")} ${outcome.error.message}`, err.columns ?? columns).join("\n")}\n`,
        );
      else tell(outcomeText(outcome, paint));
    },
  };
}

type Paint = (style: Style, text: string) => string;

function placeText({ url, supabase, ms }: Place): string {
  if (supabase === "started") return `embedded, started in ${duration(ms)} at ${url}`;
  return supabase === "running" ? `embedded, running at ${url}` : url;
}

function filesText({ files, skipped }: Scan): string {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const left = [...skipped].toSorted(([, a], [, b]) => b - a);
  const reasons = left.map(([reason, number]) => `${number.toLocaleString("en-US")} ${reason}`);
  return `${count(files.length, "text file")}, ${size(bytes)}${reasons.length > 0 ? ` (skipped: ${reasons.join(", ")})` : ""}`;
}

function readerText(member: Member, paint: Paint): string {
  const lived = (member.endedAt ?? new Date()).getTime() - member.spawnedAt.getTime();
  return (
    `${paint("cyan", member.name.padEnd(20))} read ${count(member.files, "file")}, ` +
    `left ${count(member.episodes, "episode")}, ended after ${duration(lived)}`
  );
}

function lessonText({ tally, again, total, seenAlive }: Lesson, found: number): string[] {
  const learned = learnedOf(tally);
  const seen = seenAlive ? ` Presence showed ${count(seenAlive, "reader")} alive at once.` : "";
  const lost =
    (tally.unreadable > 0 ? ` ${count(tally.unreadable, "file")} could not be read.` : "") +
    (tally.refused > 0 ? ` ${count(tally.refused, "section")} the server refused.` : "");
  if (!again) {
    return [`Learned ${count(learned, "episode")} from ${count(found, "file")}.${lost}${seen}`];
  }
  if (learned + tally.removed === 0) {
    return [`Nothing has changed since the last run: ${count(total, "episode")}.${lost}${seen}`];
  }
  const changes = [
    [tally.added, "new"],
    [tally.changed, "changed"],
    [tally.moved, "moved to another line"],
    [tally.removed, "removed"],
  ] as const;
  const parts = changes
    .filter(([number]) => number > 0)
    .map(([number, what]) => `${number.toLocaleString("en-US")} ${what}`);
  return [
    `Learned only what was not known yet: ${parts.join(", ")}; ` +
      `${tally.unchanged.toLocaleString("en-US")} unchanged.${lost}${seen}`,
  ];
}

function answerText(answer: Answer, width: number, paint: Paint): string[] {
  const lines = [
    "",
    `${paint(["bold", "yellow"], "?")} ${paint("bold", printable(answer.question))}`,
  ];
  if (answer.mode !== "hybrid") {
    lines.push(paint("dim", `  found by words alone: ${answer.problem ?? answer.mode}`));
  }
  if (answer.findings.length === 0) lines.push("  Nobody learned anything about it.");
  if (answer.written) lines.push(...writtenText(answer.written, width, paint));
  for (const [index, finding] of answer.findings.entries()) {
    const { citations } = answer.written ?? {};
    // If the written answer cites passages, only those are shown.
    if (citations && citations.length > 0 && !citations.includes(index + 1)) continue;
    lines.push("", ...findingText(finding, index + 1, answer.question, width, paint));
  }
  return lines;
}

function writtenText({ model, text, citations }: Written, width: number, paint: Paint): string[] {
  const said = text.split("\n").flatMap((line) => wrap(printable(line), width - 2));
  const from = citations.length > 0 ? "with these passages:" : "and cites nothing; this was found:";
  return ["", ...said.map((line) => `  ${line}`), "", paint("dim", `  ${model} answers ${from}`)];
}

function findingText(
  finding: Finding,
  place: number,
  question: string,
  width: number,
  paint: Paint,
): string[] {
  const where = printable(`${finding.path}:${finding.line}`);
  const ended = finding.endedAt
    ? `gone for ${duration(Date.now() - Date.parse(finding.endedAt))}`
    : "still alive";
  const by = finding.agent ? `learned by ${finding.agent}, ${ended}` : "learned by nobody known";
  const words = wordsWith(stemsOf(question));
  const mark = (text: string) =>
    words ? text.replace(words, (word) => paint("bold", word)) : text;
  const lines = [
    `  ${place}. ${paint("green", printable(finding.title))}`,
    `     ${paint("cyan", where)}  ${paint("dim", `score ${finding.score.toFixed(2)} · ${by}`)}`,
  ];
  for (const { line, text } of finding.excerpt) {
    const number = String(line).padStart(5);
    const [first, ...rest] = wrap(printable(text), width - 10);
    lines.push(`  ${paint("dim", `${number} │`)} ${mark(first ?? "")}`);
    for (const more of rest) lines.push(`  ${paint("dim", "      │")} ${mark(more)}`);
  }
  return lines;
}

/** `6 agents (a lead, 4 readers, a newcomer)`. */
function membersText(members: readonly Member[]): string {
  const of = (role: Member["role"]) => members.filter((member) => member.role === role).length;
  const parts = [
    ...(of("lead") > 0 ? ["a lead"] : []),
    ...(of("reader") > 0 ? [count(of("reader"), "reader")] : []),
    ...(of("newcomer") > 0 ? ["a newcomer"] : []),
  ];
  return `${count(members.length, "agent")} (${parts.join(", ")})`;
}

function outcomeText(outcome: Outcome, paint: Paint): string {
  const { lesson, members, thinking, ms } = outcome;
  if (outcome.interrupted) {
    return `${paint("yellow", "Stopped.")} What was acknowledged is kept; the next run learns the rest.`;
  }
  const parts = [
    membersText(members),
    count(lesson?.total ?? 0, "episode"),
    size(lesson?.tally.bytes ?? 0),
    ...(thinking
      ? [`${count(thinking.calls, "call")} of ${thinking.name}, ${count(thinking.tokens, "token")}`]
      : []),
    duration(ms),
  ];
  const model = outcome.answers.find((answer) => answer.model)?.model;
  const note = model ? paint("dim", ` (embedded with ${model})`) : "";
  const left = {
    started: " Nothing is left running.",
    running: " The embedded Supabase runs on, as before.",
    named: "",
  }[outcome.place?.supabase ?? "named"];
  return `${paint("bold", parts.join(" · "))}${note}.${left}`;
}
