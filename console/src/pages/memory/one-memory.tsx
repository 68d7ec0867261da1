import type { Memory } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import { go, href } from "../../app/route.ts";
import { withNames } from "../../live/about.ts";
import type { Space } from "../../live/space.ts";
import { useCount } from "../../live/use-count.ts";
import { Action } from "../../parts/action.tsx";
import { Badge } from "../../parts/badge.tsx";
import { Copy } from "../../parts/copy.tsx";
import { Json, LongText } from "../../parts/json.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Name } from "../../parts/name.tsx";
import { type Fact, Facts, Head, Missing, Panel } from "../../parts/panel.tsx";
import { printable } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";
import { space } from "../../session/session.ts";
import { ConflictsOf } from "./conflict-list.tsx";
import { titleOf } from "./hit.tsx";
import { kindWord, toneOfKind } from "./kinds.ts";
import { MemoryForm } from "./memory-form.tsx";
import { Similar, Thread } from "./related.tsx";

const texts: [keyof Pick<Memory, "task" | "input" | "output" | "critique">, string][] = [
  ["task", "Task"],
  ["input", "Input"],
  ["output", "Output"],
  ["critique", "Critique"],
];

/** One memory: its texts, similar memories, its conversation and its open conflicts. */
export function OneMemory({ space, id }: { space: Space; id: string }) {
  const count = useCount(space, ({ kind }) => kind === "memory");
  const loaded = useLoaded(() => space.mayfly.memory.get(id), [id, count]);
  return (
    <Show of={loaded}>
      {(memory) =>
        memory === null ? (
          <Missing title="There is no such memory." back={[href("memory"), "All memories"]}>
            It was forgotten, has expired, or is not yours to read.
          </Missing>
        ) : (
          <Body space={space} memory={memory} count={count} />
        )
      }
    </Show>
  );
}

function Body({ space, memory, count }: { space: Space; memory: Memory; count: number }) {
  const { id, kind, metadata, conversationId } = memory;
  const [edits, setEdits] = useState(false);
  return (
    <>
      <Head
        title={
          <>
            <bdi>{titleOf(memory)}</bdi> <Badge tone={toneOfKind(kind)}>{kindWord(kind)}</Badge>
          </>
        }
        about={
          <a class="back" href={href("memory")}>
            All memories
          </a>
        }
      >
        <Copy text={id} label="Id" />
        {space.may("memory:write") && (
          <button type="button" class="button" onClick={() => setEdits(true)}>
            Edit
          </button>
        )}
        <Action
          label="Forget"
          tone="danger"
          scope="memory:write"
          confirm="Forget it for everybody? Its content is erased at once."
          done="It is forgotten"
          run={async () => {
            const answer = await space.mayfly.memory.forget(id);
            if (!answer.error) go("memory");
            return answer;
          }}
        />
      </Head>
      <div class="grid memory-grid">
        <div class="stack">
          <ConflictsOf space={space} memory={memory} count={count} />
          <Panel title="What it says">
            <div class="panel-body memory-texts">
              {texts.flatMap(([name, word]) =>
                memory[name] === ""
                  ? []
                  : [
                      <section key={name} aria-label={word}>
                        <h3>{word}</h3>
                        <p>
                          <LongText text={memory[name]} />
                        </p>
                      </section>,
                    ],
              )}
            </div>
          </Panel>
          {Object.keys(metadata).length > 0 && (
            <Panel title="Metadata">
              <div class="panel-body">
                <Json value={metadata} open={3} />
              </div>
            </Panel>
          )}
          {conversationId && (
            <Thread space={space} id={id} conversation={conversationId} count={count} />
          )}
        </div>
        <div class="stack">
          <Panel title="About">
            <Facts of={factsOf(memory)} />
          </Panel>
          <Similar space={space} id={id} version={memory.version} />
        </div>
      </div>
      {edits && <MemoryForm space={space} of={memory} onClose={() => setEdits(false)} />}
    </>
  );
}

function factsOf(memory: Memory): Fact[] {
  const { reward, importance, success, agentId, createdAt, updatedAt, version, tags } = memory;
  const { visibility, expiresAt, key } = memory;
  return [
    ["Reward", reward ?? "unknown"],
    ["Importance", `${importance} of 10`],
    ["Success", success === null ? undefined : success ? "yes" : "no"],
    ["By", agentId ? <Name id={agentId} /> : "a person or the secret key"],
    ["Made", <Ago key="made" at={createdAt} />],
    ["Changed", version > 1 ? <Ago key="changed" at={updatedAt} /> : undefined],
    ["Version", version],
    ["Key", key === null ? undefined : <bdi>{printable(key)}</bdi>],
    [
      "Read by",
      visibility === "tenant" ? "everybody in the tenant" : "its agent, those above it, admins",
    ],
    ["Ends", expiresAt ? <Ago key="ends" at={expiresAt} /> : undefined],
    [
      "Tags",
      tags.length === 0 ? undefined : (
        <span class="badges">
          {tags.map((tag) => (
            <a key={tag} class="tag" href={`${href("memory")}?tag=${encodeURIComponent(tag)}`}>
              #{printable(space.value ? withNames(space.value, tag) : tag)}
            </a>
          ))}
        </span>
      ),
    ],
  ];
}
