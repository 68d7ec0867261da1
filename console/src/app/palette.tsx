import { useMemo, useState } from "preact/hooks";
import { pages } from "../pages/index.ts";
import { Dialog } from "../parts/dialog.tsx";
import { Icon, type IconName } from "../parts/icon.tsx";
import { printable } from "../parts/text.ts";
import { viewHref } from "../parts/views.tsx";
import { signOut, space, tenants } from "../session/session.ts";
import { views } from "../session/views.ts";
import { helpOpen, paletteOpen } from "./keys.ts";
import { go } from "./route.ts";
import { toggleTheme } from "./theme.ts";

interface Choice {
  label: string;
  about: string;
  icon: IconName;
  run(): void;
}

const shown = 12;

const close = () => {
  paletteOpen.value = false;
};

/** Finds pages, agents, tenants and commands by a few letters. */
export function Palette() {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const choices = useMemo(() => allChoices(), []);
  const found = useMemo(() => matching(choices, text), [choices, text]);
  const take = (choice: Choice | undefined) => {
    close();
    choice?.run();
  };
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setAt((at + step + found.length) % Math.max(1, found.length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      take(found[at]);
    }
  };
  return (
    <Dialog title="Find or do" class="palette" onClose={close}>
      <input
        type="text"
        role="combobox"
        aria-label="Find a page, an agent, or something to do"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={found[at] ? `palette-${at}` : undefined}
        placeholder="A page, an agent, something to do…"
        value={text}
        onInput={({ currentTarget }) => {
          setText(currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKey}
        ref={(input) => {
          input?.focus();
        }}
      />
      <div id="palette-list" role="listbox" aria-label="Found">
        {found.map((choice, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the input handles the arrow keys and Enter.
          <div
            key={`${choice.about} ${choice.label}`}
            id={`palette-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            onMouseMove={() => setAt(index)}
            onClick={() => take(choice)}
          >
            <Icon name={choice.icon} size={16} />
            <bdi>{printable(choice.label)}</bdi>
            <small>{choice.about}</small>
          </div>
        ))}
        {found.length === 0 && <p class="hint">Nothing has this name.</p>}
      </div>
    </Dialog>
  );
}

function allChoices(): Choice[] {
  const open = space.value;
  if (!open) return [];
  const agents = [...open.agents.all()].sort(
    (a, b) => b.spawnedAt.getTime() - a.spawnedAt.getTime(),
  );
  return [
    ...pages
      .filter(({ needs }) => !needs || open.may(needs))
      .map(({ name, title, icon }) => ({ label: title, about: "page", icon, run: () => go(name) })),
    ...views.value
      .filter(({ tenant }) => tenant === open.tenant.id)
      .map((view) => ({
        label: view.name,
        about: `view of ${view.path[0] ?? ""}`,
        icon: "search" as const,
        run: () => {
          location.hash = viewHref(view);
        },
      })),
    ...agents.map(({ id, name, type }) => ({
      label: name,
      about: `agent · ${type}`,
      icon: "agents" as const,
      run: () => go("agents", id),
    })),
    ...tenants.value
      .filter(({ id }) => id !== open.tenant.id)
      .map((tenant) => ({
        label: tenant.name,
        about: "tenant",
        icon: "work" as const,
        run: () => {
          location.hash = `#/${tenant.id}/now`;
        },
      })),
    { label: "Light or dark", about: "do", icon: "moon", run: toggleTheme },
    {
      label: "Keys",
      about: "do",
      icon: "more",
      run: () => {
        helpOpen.value = true;
      },
    },
    { label: "Sign out", about: "do", icon: "leave", run: () => void signOut() },
  ];
}

/** Entries that contain all the letters in order. Entries that begin with them come first. */
function matching(choices: Choice[], text: string): Choice[] {
  const wanted = text.trim().toLowerCase();
  const ranked = choices.flatMap((choice) => {
    const rank = rankOf(`${choice.label} ${choice.about}`.toLowerCase(), wanted);
    return rank === null ? [] : [{ choice, rank }];
  });
  ranked.sort((one, other) => one.rank - other.rank);
  return ranked.slice(0, shown).map(({ choice }) => choice);
}

function rankOf(label: string, wanted: string): number | null {
  if (label.startsWith(wanted)) return 0;
  const whole = label.indexOf(wanted);
  if (whole >= 0) return 1 + whole;
  let place = -1;
  for (const letter of wanted) {
    place = label.indexOf(letter, place + 1);
    if (place < 0) return null;
  }
  return 100 + place;
}
