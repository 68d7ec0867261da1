import type { MemoryKind, Recall } from "@mayfly/sdk";
import { useEffect, useState } from "preact/hooks";
import { route, setQuery } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { Select } from "../../parts/select.tsx";
import { oneLine, plural, printable } from "../../parts/text.ts";
import { type Filter, toOptions } from "./filter.ts";
import { Hit } from "./hit.tsx";
import { kinds, kindWord } from "./kinds.ts";
import { Newest } from "./newest.tsx";

/** The pause between the last keystroke and the recall. */
const pauseMs = 350;
const shown = 20;

/**
 * Shows a question and the memories that answer it, each with its score. Without a question, shows the
 * newest memories.
 */
export function Ask({ space, count }: { space: Space; count: number }) {
  const { query } = route.value;
  const asked = query.get("ask") ?? "";
  const [text, setText] = useState(asked);
  useEffect(() => setText(asked), [asked]);
  useEffect(() => {
    const timer = setTimeout(() => setQuery({ ask: text.trim() || null }), pauseMs);
    return () => clearTimeout(timer);
  }, [text]);
  const filter: Filter = {
    kind: (query.get("kind") ?? "") as Filter["kind"],
    tag: query.get("tag") ?? "",
    agent: query.get("agent") ?? "",
    reward: query.get("reward") ?? "",
  };
  return (
    <div class="stack">
      <div class="controls">
        <form
          class="ask"
          onSubmit={(event) => {
            event.preventDefault();
            setQuery({ ask: text.trim() || null });
          }}
        >
          <input
            type="search"
            aria-label="Ask the memories"
            placeholder="Ask: how do we rotate the signing key?"
            value={text}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
        </form>
        <Filters space={space} filter={filter} />
      </div>
      {asked === "" ? (
        <Newest space={space} filter={filter} count={count} />
      ) : (
        <Answers space={space} asked={asked} filter={filter} count={count} />
      )}
    </div>
  );
}

function Filters({ space, filter }: { space: Space; filter: Filter }) {
  void space.agents.version.value;
  const agents = [...space.agents.all()].sort((one, other) => one.name.localeCompare(other.name));
  return (
    <div class="controls-row">
      <Select
        label="Kind"
        value={filter.kind}
        options={[
          ["", "All kinds"],
          ...kinds.map(([kind]): [MemoryKind, string] => [kind, kindWord(kind)]),
        ]}
        onChange={(kind) => setQuery({ kind })}
      />
      <Select
        label="Agent"
        value={filter.agent}
        options={[
          ["", "All agents"],
          ...agents.map(({ id, name }): [string, string] => [id, printable(name)]),
        ]}
        onChange={(agent) => setQuery({ agent })}
      />
      <Select
        label="Reward"
        value={filter.reward}
        options={[
          ["", "Any reward"],
          ["0.5", "0.5 and more"],
          ["0.8", "0.8 and more"],
        ]}
        onChange={(reward) => setQuery({ reward })}
      />
      {filter.tag && (
        <button
          type="button"
          class="chip tone-violet"
          aria-label={`Without the tag ${filter.tag}`}
          onClick={() => setQuery({ tag: null })}
        >
          #{oneLine(filter.tag, 60)} ×
        </button>
      )}
    </div>
  );
}

function Answers(props: { space: Space; asked: string; filter: Filter; count: number }) {
  const { space, asked, filter, count } = props;
  const [limit, setLimit] = useState(shown);
  const recall = useLoaded(
    () => space.mayfly.memory.recall(asked, { ...toOptions(filter), explain: true, limit }),
    [asked, JSON.stringify(filter), limit, count],
  );
  return (
    <Show of={recall}>
      {(answer) => (
        <Panel title={plural(answer.results.length, "answer")} hint={sayHow(answer)}>
          {answer.problem && <p class="warning">{printable(answer.problem)}</p>}
          {answer.results.length === 0 ? (
            <Empty title="There are no answers.">
              {answer.searched?.memories === 0
                ? "Nothing is remembered yet that you may read."
                : "Ask in other words, or with fewer filters."}
            </Empty>
          ) : (
            <>
              <Words of={answer} />
              <ol class="hits">
                {answer.results.map((hit) => (
                  <Hit key={hit.id} hit={hit} />
                ))}
              </ol>
              {answer.results.length === limit && limit < 100 && (
                <button type="button" class="more more-wide" onClick={() => setLimit(100)}>
                  More answers
                </button>
              )}
            </>
          )}
        </Panel>
      )}
    </Show>
  );
}

function sayHow({ mode, model, searched }: Recall): string {
  const way = mode === "hybrid" ? `by words and by meaning (${model})` : "by words alone";
  if (!searched) return way;
  const about = searched.exact ? "" : "about ";
  return `${way}, among ${about}${plural(searched.memories, "memory", "memories")}`;
}

/** The words of the question, and how rare each one is. Rare words count more. */
function Words({ of }: { of: Recall }) {
  const words = of.results[0]?.parts.asked?.words ?? [];
  if (words.length === 0) return null;
  return (
    <p class="asked-words">
      {words.map(({ word, memories, chooses, rarity }) => (
        <span key={word} class={chooses ? "" : "muted"} title={`rarity ${rarity.toFixed(2)}`}>
          <b>{oneLine(word, 40)}</b> {memories === 0 ? "in none" : `in ${memories}`}
        </span>
      ))}
    </p>
  );
}
