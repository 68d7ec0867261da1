import "./health.css";
import { href } from "../../app/route.ts";
import type { Condition } from "../../live/agents.ts";
import { second } from "../../live/clock.ts";
import type { Space } from "../../live/space.ts";
import { useLoaded } from "../../parts/loaded.tsx";
import { Figure, Head } from "../../parts/panel.tsx";
import { Tabs } from "../../parts/tabs.tsx";
import { duration } from "../../parts/time.tsx";
import type { PageProps } from "../page.ts";
import { Budgets } from "./budgets.tsx";
import { Checks, Doctor } from "./checks.tsx";
import { Costs } from "./costs.tsx";
import { Embeddings } from "./embeddings.tsx";
import { Failures } from "./failures.tsx";
import { usePresent } from "./present.ts";
import { Quotas } from "./quotas.tsx";

const againMs = 15_000;

/** Whether everything works, how much room is left, and what it has cost. */
export default function Health({ space, rest: [part] }: PageProps) {
  return (
    <>
      <Head
        title="Health"
        about="Whether everything works, how much room is left, and what it has cost."
      />
      <Tabs
        label="Health"
        of={[
          { title: "Overview", href: href("health"), current: part !== "doctor" },
          { title: "Doctor", href: href("health", "doctor"), current: part === "doctor" },
        ]}
      />
      {part === "doctor" ? <Doctor space={space} /> : <Overview space={space} />}
    </>
  );
}

function Overview({ space }: { space: Space }) {
  const { lagMs, at } = space.events.state.value;
  const round = Math.floor(second.value / againMs);
  const usage = useLoaded(() => space.mayfly.tenants.usage(), [round]);
  const present = usePresent(space);
  void space.agents.version.value;
  const conditions = [...space.agents.all()].map((life) =>
    space.agents.conditionAt(life, second.value),
  );
  const count = (wanted: Condition) => conditions.filter((one) => one === wanted).length;
  const suspended = count("suspended");
  return (
    <div class="stack">
      <div class="figures">
        <Figure
          label="The log"
          value={at === "live" ? "live" : at.replace("-", " ")}
          note={
            lagMs === null
              ? "no event since this page opened"
              : `the last event took ${duration(lagMs)}`
          }
          tone={at === "live" ? "green" : "amber"}
        />
        <Figure
          label="Running agents"
          value={count("running")}
          note={suspended > 0 ? `and ${suspended.toLocaleString("en")} suspended` : undefined}
        />
        <Figure
          label="Present"
          value={present.count ?? "–"}
          note={present.problem ?? "connected now, of 200 on the Free plan, 500 on Pro"}
          {...((present.count ?? 0) > 180 && { tone: "amber" })}
        />
        <Figure
          label="Writes this minute"
          value={usage.data?.writes_this_minute ?? "–"}
          note={
            usage.data?.limits.writes_per_minute
              ? `of ${usage.data.limits.writes_per_minute.toLocaleString("en")}`
              : undefined
          }
        />
      </div>
      <div class="grid health-grid">
        <Checks space={space} />
        <Quotas usage={usage} />
        {space.may("memory:read") && <Embeddings space={space} />}
        {space.may("cost:read") && <Budgets space={space} />}
      </div>
      {space.may("cost:read") && <Costs space={space} />}
      <Failures space={space} />
    </div>
  );
}
