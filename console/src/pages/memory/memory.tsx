import "./memory.css";
import "./conflicts.css";
import { useState } from "preact/hooks";
import { href } from "../../app/route.ts";
import { useCount } from "../../live/use-count.ts";
import { useLoaded } from "../../parts/loaded.tsx";
import { Head } from "../../parts/panel.tsx";
import { Tabs } from "../../parts/tabs.tsx";
import type { PageProps } from "../page.ts";
import { Ask } from "./ask.tsx";
import { ConflictList } from "./conflict-list.tsx";
import { MemoryForm } from "./memory-form.tsx";
import { Numbers } from "./numbers.tsx";
import { OneMemory } from "./one-memory.tsx";

/** The memories: recall, conflicts to resolve, numbers, or one memory. */
export default function MemoryPage({ space, rest }: PageProps) {
  const [part] = rest;
  const count = useCount(space, ({ kind }) => kind === "memory");
  const [writes, setWrites] = useState(false);
  const statistics = useLoaded(() => space.mayfly.memory.statistics(), [count]);
  if (part && part !== "conflicts" && part !== "growth")
    return <OneMemory key={part} space={space} id={part} />;
  return (
    <>
      <Head
        title="Memory"
        about="What agents learned stays after they end. Ask a question, and see why each memory was found."
      >
        {space.may("memory:write") && (
          <button type="button" class="button" onClick={() => setWrites(true)}>
            Remember
          </button>
        )}
      </Head>
      <Tabs
        label="Memory"
        of={[
          { title: "Ask", href: href("memory"), current: !part },
          {
            title: "Conflicts",
            href: href("memory", "conflicts"),
            current: part === "conflicts",
            count: statistics.data?.conflicts,
            hot: true,
          },
          { title: "Growth", href: href("memory", "growth"), current: part === "growth" },
        ]}
      />
      {part === "conflicts" ? (
        <ConflictList space={space} count={count} />
      ) : part === "growth" ? (
        <Numbers space={space} statistics={statistics} />
      ) : (
        <Ask space={space} count={count} />
      )}
      {writes && <MemoryForm space={space} of={null} onClose={() => setWrites(false)} />}
    </>
  );
}
