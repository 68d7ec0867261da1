import { signal } from "@preact/signals";
import { pages } from "../pages/index.ts";
import { phase } from "../session/session.ts";
import { go } from "./route.ts";
import { toggleTheme } from "./theme.ts";

export const paletteOpen = signal(false);
export const helpOpen = signal(false);

/** Whether `g` was just pressed. Then the next key opens a page. */
let goes = false;

/** Keys that work on every page. A page's own keys are handled by its elements. */
export function listenForKeys(): void {
  addEventListener("keydown", (event) => {
    if (phase.value.at !== "open") return;
    const { key, metaKey, ctrlKey, altKey, target } = event;
    if ((metaKey || ctrlKey) && key.toLowerCase() === "k") {
      event.preventDefault();
      paletteOpen.value = !paletteOpen.value;
      return;
    }
    const writes = target instanceof Element && target.closest("input,textarea,select,dialog");
    if (metaKey || ctrlKey || altKey || writes) return;
    if (goes) {
      goes = false;
      const page = pages.find((one) => one.key === key);
      if (page) {
        event.preventDefault();
        go(page.name);
        return;
      }
    }
    if (key === "g") goes = true;
    else if (key === "?") helpOpen.value = true;
    else if (key === "t") toggleTheme();
    else if (key === "/") {
      const search = document.querySelector<HTMLInputElement>("main input[type=search]");
      if (!search) return;
      event.preventDefault();
      search.focus();
    }
  });
}
