import "./jobs.css";
import type { QueueStatistics } from "@mayfly/sdk";
import { href } from "../../app/route.ts";
import { useLive } from "../../live/use-live.ts";
import { Figure, Head } from "../../parts/panel.tsx";
import { Tabs } from "../../parts/tabs.tsx";
import { duration } from "../../parts/time.tsx";
import type { PageProps } from "../page.ts";
import { isWork } from "./job-actions.tsx";
import { AddJob } from "./job-form.tsx";
import { JobList } from "./job-list.tsx";
import { OneJob } from "./one-job.tsx";
import { Queues } from "./queues.tsx";
import { ScheduleList } from "./schedule-list.tsx";

/** Jobs, queues and schedules, or one job. */
export default function Jobs({ space, rest }: PageProps) {
  const [part] = rest;
  if (part && part !== "queues" && part !== "schedules")
    return <OneJob key={part} space={space} id={part} />;
  return <Overview space={space} rest={rest} />;
}

function Overview({ space, rest: [part] }: PageProps) {
  const queues = useLive(space, () => space.mayfly.jobs.statistics(), {
    concerns: isWork,
    goesOn: (all) => all.some(({ ready, running, scheduled }) => ready + running + scheduled > 0),
  });
  const all = queues.data ?? [];
  return (
    <>
      <Head
        title="Jobs"
        about="Work that survives crashes: if a worker dies, another one continues after the last recorded step."
      >
        <AddJob space={space} queues={all} />
      </Head>
      <Figures queues={all} />
      <Tabs
        label="Jobs"
        of={[
          { title: "Jobs", href: href("jobs"), current: !part },
          {
            title: "Queues",
            href: href("jobs", "queues"),
            current: part === "queues",
            count: all.length,
          },
          { title: "Schedules", href: href("jobs", "schedules"), current: part === "schedules" },
        ]}
      />
      {part === "queues" ? (
        <Queues space={space} queues={queues} />
      ) : part === "schedules" ? (
        <ScheduleList space={space} />
      ) : (
        <JobList space={space} queues={all} />
      )}
    </>
  );
}

function Figures({ queues }: { queues: QueueStatistics[] }) {
  const sum = (of: "ready" | "running" | "waiting" | "scheduled" | "succeeded" | "failed") =>
    queues.reduce((total, queue) => total + queue[of], 0);
  const oldest = queues.flatMap(({ oldestReady }) => oldestReady ?? []).sort((a, b) => +a - +b)[0];
  const waits = queues.flatMap(({ wait }) => wait.p95 ?? []);
  return (
    <div class="figures jobs-figures">
      <Figure
        label="Ready"
        value={sum("ready")}
        note={
          oldest
            ? `the oldest for ${duration(Date.now() - oldest.getTime())}`
            : "none waits for a worker"
        }
        {...(sum("ready") > 0 && { tone: "blue" })}
      />
      <Figure
        label="Running"
        value={sum("running")}
        note="held by a worker"
        {...(sum("running") > 0 && { tone: "green" })}
      />
      <Figure
        label="Waiting"
        value={sum("waiting") + sum("scheduled")}
        note="for a time, a signal, a child"
      />
      <Figure label="Succeeded" value={sum("succeeded")} note="in the past hour" />
      <Figure
        label="Failed"
        value={sum("failed")}
        note="in the past hour"
        {...(sum("failed") > 0 && { tone: "red" })}
      />
      <Figure
        label="Wait, p95"
        value={waits.length === 0 ? "–" : duration(Math.max(...waits))}
        note="until a worker starts, of the slowest queue"
      />
    </div>
  );
}
