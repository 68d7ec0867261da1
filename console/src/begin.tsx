import { render } from "preact";
import { App } from "./app/app.tsx";
import { listenForKeys } from "./app/keys.ts";
import { applyTheme } from "./app/theme.ts";
import { start } from "./session/session.ts";

/** Draws the page. */
export function begin(): void {
  applyTheme();
  listenForKeys();
  const root = document.getElementById("app");
  if (root) render(<App />, root);
  void start();
}
