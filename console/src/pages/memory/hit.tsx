import type { RecalledMemory } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import { href, setQuery } from "../../app/route.ts";
import { withNames } from "../../live/about.ts";
import { Badge } from "../../parts/badge.tsx";
import { Meter } from "../../parts/meter.tsx";
import { oneLine, plural, printable } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";
import { space } from "../../session/session.ts";
import { kindWord, toneOfKind } from "./kinds.ts";

/** The title of a memory: its first text that is not missing. */
export const titleOf = ({
  task,
  input,
  output,
}: Pick<RecalledMemory, "task" | "input" | "output">) => oneLine(task || input || output, 140);

/** A memory that answers the question, and why: each part of its score as a bar. */
export function Hit({ hit }: { hit: RecalledMemory }) {
  const { id, kind, agentName, agentEndedAt, createdAt, tags, task, output, score, duplicates } =
    hit;
  const [open, setOpen] = useState(false);
  return (
    <li class="hit">
      <div class="hit-what">
        <a class="hit-title" href={href("memory", id)}>
          <bdi>{titleOf(hit)}</bdi>
        </a>
        {task && output && <p class="hit-text">{oneLine(output, 260)}</p>}
        <p class="hit-meta">
          <Badge tone={toneOfKind(kind)}>{kindWord(kind)}</Badge>
          <span>
            {agentName ? <bdi>{printable(agentName)}</bdi> : "the secret key or a person"}
            {agentEndedAt && ", which has ended"}
          </span>
          <Ago at={createdAt} />
          <Tags of={tags} />
        </p>
        {duplicates.length > 0 && (
          <p class="hit-more">
            <button type="button" class="link-button" onClick={() => setOpen(!open)}>
              {plural(duplicates.length, "memory says", "memories say")} nearly the same
            </button>
            {open &&
              duplicates.map((one) => (
                <a key={one} class="mono" href={href("memory", one)}>
                  …{one.slice(-8)}
                </a>
              ))}
          </p>
        )}
      </div>
      <Why score={score} parts={hit.parts} />
    </li>
  );
}

export function Tags({ of }: { of: string[] }) {
  return (
    <>
      {of.slice(0, 8).map((tag) => (
        <button
          key={tag}
          type="button"
          class="tag"
          aria-label={`Only with the tag ${tag}`}
          onClick={() => setQuery({ tag })}
        >
          #{oneLine(space.value ? withNames(space.value, tag) : tag, 40)}
        </button>
      ))}
      {of.length > 8 && <span>and {of.length - 8} more</span>}
    </>
  );
}

/**
 * The score and the parts that it consists of, each from 0 to 1, so the bars of different questions
 * can be compared.
 */
export function Why({ score, parts }: Pick<RecalledMemory, "score" | "parts">) {
  const { fit, similarity, reward, importance, recency, words_rank, vector_rank } = parts;
  const { neighbours, typos, relevance, weights = {} } = parts;
  const bars: [string, number | null | undefined, string, string][] = [
    ["Words", fit, "blue", rankOf(words_rank)],
    ["Meaning", similarity, "violet", rankOf(vector_rank)],
    ["Reward", reward, "green", weightOf(weights.reward)],
    ["Importance", importance / 10, "amber", weightOf(weights.importance)],
    ["Recency", recency, "teal", weightOf(weights.recency)],
  ];
  const also = [
    ...(typos ? ["a word was read as a typo"] : []),
    ...(neighbours ? [`its neighbours lend ${neighbours.toFixed(2)}`] : []),
  ];
  return (
    <div class="why">
      <div class="why-score">
        <strong>{score.toFixed(2)}</strong>
        <small>
          relevance {relevance.toFixed(2)}
          {also.length > 0 && `; ${also.join("; ")}`}
        </small>
      </div>
      <dl>
        {bars.map(([word, value, tone, title]) => (
          <div key={word} class={`tone-${tone}`} title={title}>
            <dt>{word}</dt>
            <dd>
              <Meter of={value ?? 0} height={6} />
              <span>{value === null || value === undefined ? "–" : value.toFixed(2)}</span>
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

const rankOf = (rank: number | null) => (rank === null ? "not found by it" : `rank ${rank}`);
const weightOf = (weight: number | undefined) => (weight === undefined ? "" : `weight ${weight}`);
