import "./state.css";
import { useCount } from "../../live/use-count.ts";
import { useLoaded } from "../../parts/loaded.tsx";
import { Empty } from "../../parts/panel.tsx";
import type { PageProps } from "../page.ts";
import { OneState } from "./one-state.tsx";
import { mostStates, StateList } from "./state-list.tsx";

/** Every state, and one of them: `state/<agent or "shared">/<key>`. */
export default function State({ space, rest }: PageProps) {
  const [owner, key] = rest;
  const count = useCount(space, ({ kind }) => kind === "state");
  const states = useLoaded(() => space.mayfly.state.recent({ limit: mostStates }), [count]);
  return (
    <div class={`sides ${key ? "picked" : ""}`}>
      <StateList space={space} states={states} owner={owner} picked={key} />
      <div class="sides-main">
        {owner && key ? (
          <OneState key={`${owner} ${key}`} space={space} owner={owner} name={key} />
        ) : states.data?.length === 0 ? (
          <Empty title="A state appears here.">
            <p>With its value, and each of its versions: who made it, and what it changed.</p>
            {space.may("state:write") && <p>New makes a shared state.</p>}
          </Empty>
        ) : (
          <Empty title="No state is open.">
            <p>
              Pick one to see its value and each of its versions, who made it, and what it changed.
            </p>
            {space.may("state:write") && <p>New makes a shared state.</p>}
          </Empty>
        )}
      </div>
    </div>
  );
}
