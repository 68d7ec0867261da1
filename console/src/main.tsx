import "./strict.ts";
import "@fontsource-variable/inter/wght.css";
import "@fontsource-variable/jetbrains-mono/wght.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/parts.css";
import "./styles/figures.css";
import "./styles/forms.css";
import "./styles/tables.css";
import "./styles/overlays.css";
import "./styles/json.css";
import { render } from "preact";
import { App } from "./app/app.tsx";
import { listenForKeys } from "./app/keys.ts";
import { applyTheme } from "./app/theme.ts";
import { start } from "./session/session.ts";

applyTheme();
listenForKeys();
const root = document.getElementById("app");
if (root) render(<App />, root);
start().catch((error: unknown) => {
  throw error;
});
