import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const storageName = "mayfly-console:theme";
const kept = localStorage.getItem(storageName);
export const theme = signal<Theme>(kept === "light" || kept === "dark" ? kept : "system");

const prefersDark = matchMedia("(prefers-color-scheme: dark)");
/** Increases when the colours change, so that canvases are redrawn. */
export const colours = signal(0);

export function applyTheme(): void {
  const isDark = theme.value === "dark" || (theme.value === "system" && prefersDark.matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
  colours.value++;
}
prefersDark.addEventListener("change", applyTheme);

export function toggleTheme(): void {
  theme.value = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem(storageName, theme.value);
  applyTheme();
}

/** A colour of the theme, for a canvas. */
export const colour = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
