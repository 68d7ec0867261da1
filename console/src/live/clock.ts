import { signal } from "@preact/signals";

/** Milliseconds since 1970, updated every second, for relative times. */
export const second = signal(Date.now());

setInterval(() => {
  if (!document.hidden) second.value = Date.now();
}, 1_000);
document.addEventListener("visibilitychange", () => {
  second.value = Date.now();
});
