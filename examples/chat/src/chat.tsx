/** @jsxImportSource react */
import { useChat } from "@ai-sdk/react";
import type { RunMessage } from "@mayfly/ai-sdk";
import { DefaultChatTransport, getToolName, isToolUIPart } from "ai";
import type { SubmitEvent } from "react";

/** Sends only the new message, because the server has the earlier ones. */
const transport = new DefaultChatTransport<RunMessage>({
  api: "/api/chat",
  prepareSendMessagesRequest: ({ id, messages }) => ({ body: { id, message: messages.at(-1) } }),
});

export function Chat({ id, history }: { id: string; history: RunMessage[] }) {
  const { messages, sendMessage, status, error } = useChat<RunMessage>({
    id,
    messages: history,
    // After a reload, the last answer is streamed again from its start.
    resume: true,
    transport,
  });
  const isAnswering = status === "submitted" || status === "streaming";

  function send(event: SubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget).get("text"));
    event.currentTarget.reset();
    void sendMessage({ text });
  }

  return (
    <main data-status={status}>
      <h1>Chat</h1>
      <ol aria-label="Conversation">
        {messages.map((message) => (
          <li key={message.id} data-role={message.role}>
            {textOf(message)}
          </li>
        ))}
      </ol>
      <p role="alert">{error?.message}</p>
      <form onSubmit={send}>
        <input name="text" aria-label="Message" placeholder="Say something" required />
        {isAnswering ? (
          <button type="button" onClick={() => void fetch(`/api/chat/${id}`, { method: "DELETE" })}>
            Stop
          </button>
        ) : (
          <button type="submit">Send</button>
        )}
      </form>
    </main>
  );
}

const textOf = ({ parts }: RunMessage) =>
  parts
    .flatMap((part) => {
      if (part.type === "text") return [part.text];
      return isToolUIPart(part) ? [`[${getToolName(part)}: ${part.state}]`] : [];
    })
    .join("\n");
