import { Icon } from "./icon.tsx";
import { say } from "./notice.tsx";

/** Copies a text: a command, an id, a value. */
export function Copy({ text, label }: { text: string | (() => string); label: string }) {
  const copy = async () => {
    await navigator.clipboard.writeText(typeof text === "string" ? text : text());
    say({ tone: "green", title: "Copied" });
  };
  return (
    <button type="button" class="button small" onClick={copy}>
      <Icon name="copy" size={13} />
      {label}
    </button>
  );
}
