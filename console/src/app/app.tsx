import { Notices } from "../parts/notice.tsx";
import { phase } from "../session/session.ts";
import { Entry } from "./entry.tsx";
import { Shell } from "./shell.tsx";

export function App() {
  return (
    <>
      {phase.value.at === "open" ? <Shell /> : <Entry phase={phase.value} />}
      <Notices />
    </>
  );
}
