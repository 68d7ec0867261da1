import type { DebugLevel, DebugRecord, DebugWatch, Mayfly } from "@mayfly/sdk";
import { nameOf } from "./agents.ts";
import { find, list, make, showProblem } from "./dom.ts";

const shown = 200;

/** Shows the debug records of the agents at the chosen level. */
export async function showDebug(mayfly: Mayfly): Promise<void> {
  const choice = find("#level", HTMLSelectElement);
  let watch: DebugWatch | null = null;
  const follow = async () => {
    const level = choice.value;
    if (level === "off") {
      await watch?.stop();
      watch = null;
    } else if (watch) {
      showProblem((await watch.change({ level: level as DebugLevel })).error);
    } else {
      const options = { level: level as DebugLevel, onError: showProblem };
      const started = await mayfly.debug.watch(options, add);
      watch = started.data;
      showProblem(started.error);
    }
  };
  // Changes are made one after the other, because a watch can be changed only once it is open.
  let last = follow();
  choice.addEventListener("change", () => {
    last = last.then(follow);
  });
  await last;
}

function add({ at, agentId, category, name, data, dropped }: DebugRecord): void {
  const records = list("#debug");
  const atEnd = records.scrollTop + records.clientHeight >= records.scrollHeight - 8;
  const text = data === null ? "" : JSON.stringify(data);
  records.append(
    make(
      "li",
      {},
      make("time", {}, at.toLocaleTimeString()),
      make("span", {}, nameOf(agentId)),
      make("span", { className: `category ${category}` }, category),
      make("span", {}, name),
      make(
        "span",
        { className: "data", title: text },
        dropped > 0 ? `(${dropped} lost) ${text}` : text,
      ),
    ),
  );
  while (records.childElementCount > shown) records.firstElementChild?.remove();
  if (atEnd) records.scrollTop = records.scrollHeight;
}
