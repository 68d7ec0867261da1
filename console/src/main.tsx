import "./strict.ts";
import "@fontsource-variable/inter/wght.css";
import "@fontsource-variable/jetbrains-mono/wght.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/live.css";
import "./styles/tenant.css";
import "./styles/parts.css";
import "./styles/figures.css";
import "./styles/forms.css";
import "./styles/filters.css";
import "./styles/waterfall.css";
import "./styles/tables.css";
import "./styles/overlays.css";
import "./styles/json.css";
import "./styles/sides.css";

// A dynamic import, because in a built page static imports would run before strict.ts.
const { begin } = await import("./begin.tsx");
begin();
