import type { MayflyError } from "@mayfly/sdk";
import { signal } from "@preact/signals";
import { Icon } from "./icon.tsx";
import { printable } from "./text.ts";

interface Notice {
  tone: "green" | "red" | "amber";
  title: string;
  error?: MayflyError;
}

interface Shown extends Notice {
  id: number;
}

const notices = signal<Shown[]>([]);
const goodMs = 5_000;
let next = 1;

/** Shows a notice in the corner. An error stays until it is closed. */
export function say(notice: Notice): void {
  const id = next++;
  notices.value = [...notices.value.slice(-3), { ...notice, id }];
  if (!notice.error) setTimeout(() => close(id), goodMs);
}

const close = (id: number) => {
  notices.value = notices.value.filter((one) => one.id !== id);
};

export function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map(({ id, tone, title, error }) => (
        <div key={id} class={`notice tone-${tone}`}>
          <div>
            <strong>{printable(title)}</strong>
            {error && <Refusal error={error} />}
          </div>
          <button type="button" class="icon-button" aria-label="Close" onClick={() => close(id)}>
            <Icon name="close" size={14} />
          </button>
        </div>
      ))}
    </div>
  );
}

/** Shows why something was refused: the message, what to do, and the code. */
export function Refusal({ error }: { error: MayflyError }) {
  return (
    <div class="refusal">
      <p>{printable(error.message)}</p>
      {error.hint && <p>{printable(error.hint)}</p>}
      <code>{error.code}</code>
    </div>
  );
}
