import type { MessageContent } from "@mayfly/sdk";
import { Badge, Kind } from "../../parts/badge.tsx";
import { Json, LongText } from "../../parts/json.tsx";
import { Name } from "../../parts/name.tsx";
import { preview } from "../../parts/text.ts";
import { At, absoluteTime } from "../../parts/time.tsx";
import { space } from "../../session/session.ts";

/** Messages that one sender writes within this time are grouped under one name. */
const turnMs = 300_000;
const tones = ["violet", "teal", "orange", "blue", "pink", "green", "amber"];

interface Turn {
  key: string;
  senderId: string | null;
  at: Date;
  messages: MessageContent[];
  /** The day, if this is the first turn of that day. Otherwise null. */
  day: string | null;
}

/** Messages grouped by sender, with a line between days. */
export function Turns({ messages }: { messages: readonly MessageContent[] }) {
  const byId = new Map(messages.map((message) => [message.id, message]));
  return (
    <ol class="turns">
      {turnsOf(messages).map(({ key, senderId, at, messages: own, day }) => (
        <li key={key}>
          {day && (
            <div class="turns-day">
              <span>{day}</span>
            </div>
          )}
          <Avatar id={senderId} />
          <div class="turn">
            <header>
              <Name id={senderId} />
              <At at={at} />
            </header>
            {own.map((message) => (
              <Said key={message.id} message={message} answers={byId.get(message.replyTo ?? "")} />
            ))}
          </div>
        </li>
      ))}
    </ol>
  );
}

function Said(props: { message: MessageContent; answers: MessageContent | undefined }) {
  const { message, answers } = props;
  const { type, payload, priority, seq } = message;
  const { text, ...rest } = payload as { text?: unknown };
  const isText = typeof text === "string" && Object.keys(rest).length === 0;
  return (
    <div class="turn-said" title={`${seq}, ${absoluteTime(message.sentAt)}`}>
      {answers && (
        <blockquote>
          <Name id={answers.senderId} plain /> <bdi>{preview(answers.payload, 90)}</bdi>
        </blockquote>
      )}
      {(type !== "info" || priority === "high" || priority === "urgent") && (
        <span class="turn-kind">
          {type !== "info" && <Kind of={`message.${type}`.slice(8)} />}
          {(priority === "high" || priority === "urgent") && <Badge tone="red">{priority}</Badge>}
        </span>
      )}
      {isText ? (
        <bdi class="turn-text">
          <LongText text={text} />
        </bdi>
      ) : (
        <Json value={payload} open={1} />
      )}
    </div>
  );
}

/** The first letter of a name, in the sender's colour. */
function Avatar({ id }: { id: string | null }) {
  const { name } = space.value?.names.of(id) ?? { name: "?" };
  const sum = [...(id ?? "")].reduce((total, letter) => total + letter.charCodeAt(0), 0);
  return (
    <span class={`avatar tone-${tones[sum % tones.length]}`} aria-hidden="true">
      {[...name.replace(/^(the|…) ?/, "")][0]?.toUpperCase() ?? "?"}
    </span>
  );
}

const dayOf = new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long" });

function turnsOf(messages: readonly MessageContent[]): Turn[] {
  const turns: Turn[] = [];
  let day = "";
  for (const message of messages) {
    const { senderId, sentAt: at } = message;
    const last = turns.at(-1);
    const own = dayOf.format(at);
    const begins = own !== day;
    day = own;
    const goesOn =
      last?.senderId === senderId && !begins && at.getTime() - last.at.getTime() < turnMs;
    if (last && goesOn) last.messages.push(message);
    else
      turns.push({ key: message.id, senderId, at, messages: [message], day: begins ? own : null });
  }
  return turns;
}
