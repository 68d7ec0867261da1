import type { Mayfly, Message } from "@mayfly/sdk";
import { nameOf } from "./agents.ts";
import { list, make, showProblem } from "./dom.ts";
import { progressChannel } from "./reader.ts";

const bars = new Map<string, HTMLElement>();

/** Shows what agents send: messages, each one once and in order, and progress, which may be lost. */
export async function hear(mayfly: Mayfly): Promise<void> {
  mayfly.messages.on("*", (message) => list("#heard").prepend(line(message)), {
    onError: showProblem,
  });
  const made = await mayfly.channels.create({ name: progressChannel });
  if (made.error && made.error.code !== "channel_exists") throw made.error;
  const subscribed = await mayfly.channels.subscribe(progressChannel);
  if (subscribed.error) throw subscribed.error;
  const heard = await mayfly.channels
    .open(progressChannel)
    .onBroadcast("progress", ({ agent, done, of }) =>
      showProgress(String(agent), Number(done), Number(of)),
    );
  if (heard.error) throw heard.error;
}

function line({ senderId, type, payload, sentAt }: Message): HTMLElement {
  bars.get(senderId ?? "")?.remove();
  const said = type === "task_complete" ? outcome(payload) : JSON.stringify(payload);
  const meta = `${sentAt.toLocaleTimeString()} · ${type}`;
  return make(
    "li",
    {},
    make("p", {}, make("strong", {}, nameOf(senderId)), " ", said),
    make("p", { className: "meta" }, meta),
  );
}

/** Shows the result of a task, which a reader on this page or any other agent has sent. */
function outcome({ task, result }: Message["payload"]): string {
  const { learned } = (result ?? {}) as { learned?: number };
  const came = learned === undefined ? JSON.stringify(result) : `${learned} sentences learned.`;
  return `${task}: ${came}`;
}

function showProgress(agent: string, done: number, of: number): void {
  bars.get(agent)?.remove();
  const bar = make("progress", { max: of, value: done });
  const name = nameOf(agent);
  bar.ariaLabel = `Progress of ${name}`;
  const row = make("li", {}, make("span", {}, name), bar, make("span", {}, `${done}/${of}`));
  bars.set(agent, row);
  list("#progress").append(row);
}
