import { useEffect, useState } from "preact/hooks";
import { Icon } from "./icon.tsx";

const saidMs = 1_500;

/**
 * A button that copies a text, such as a command or an id. The button itself says that it was
 * copied, so that no notice covers the page.
 */
export function Copy({ text, label }: { text: string | (() => string); label: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), saidMs);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => {
    await navigator.clipboard.writeText(typeof text === "string" ? text : text());
    setCopied(true);
  };
  return (
    <>
      <button type="button" class="button small" onClick={copy}>
        <Icon name={copied ? "check" : "copy"} size={13} />
        {label}
      </button>
      <span class="sr-only" role="status">
        {copied ? "Copied" : ""}
      </span>
    </>
  );
}
