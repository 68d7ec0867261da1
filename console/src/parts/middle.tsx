import { printable } from "./text.ts";

/** How many characters of the end are always shown, if there are at least so many before them. */
const [tail, head] = [12, 6];

/**
 * A name in one line. Without enough room, its middle is left out, because names that belong together,
 * such as `acme-support-production` and `acme-support-staging`, differ at their ends.
 */
export function Middle({ text }: { text: string }) {
  const letters = [...printable(text)];
  const at = letters.length < head + tail ? letters.length : letters.length - tail;
  return (
    <bdi class="middle" title={letters.join("")}>
      <span>{letters.slice(0, at).join("")}</span>
      {at < letters.length && <span>{letters.slice(at).join("")}</span>}
    </bdi>
  );
}
