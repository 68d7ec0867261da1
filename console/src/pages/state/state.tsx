import "./state.css";
import { Empty } from "../../parts/panel.tsx";
import type { PageProps } from "../page.ts";
import { OneState } from "./one-state.tsx";
import { StateList } from "./state-list.tsx";

/** Every state, and one of them: `state/<agent or "shared">/<key>`. */
export default function State({ space, rest }: PageProps) {
  const [owner, key] = rest;
  return (
    <div class={`sides ${key ? "picked" : ""}`}>
      <StateList space={space} owner={owner} picked={key} />
      <div class="sides-main">
        {owner && key ? (
          <OneState key={`${owner} ${key}`} space={space} owner={owner} name={key} />
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
