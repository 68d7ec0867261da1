import "./workflows.css";
import { href } from "../../app/route.ts";
import { Head } from "../../parts/panel.tsx";
import { Tabs } from "../../parts/tabs.tsx";
import type { PageProps } from "../page.ts";
import { GraphList } from "./graph-list.tsx";
import { OneGraph } from "./one-graph.tsx";
import { OneRun } from "./one-run.tsx";
import { RunList } from "./run-list.tsx";
import { StartPublished } from "./start-workflow.tsx";

/** Runs and declared graphs, or one of them. */
export default function Workflows({ space, rest }: PageProps) {
  const [part, name, version] = rest;
  if (part === "graphs" && name)
    return <OneGraph key={`${name} ${version}`} space={space} name={name} version={version} />;
  if (part && part !== "graphs") return <OneRun key={part} space={space} id={part} />;
  return (
    <>
      <Head
        title="Workflows"
        about="Work of many steps. Each step is recorded, so a run continues where it stopped, and a wait of a month costs one row."
      >
        <StartPublished space={space} />
      </Head>
      <Tabs
        label="Workflows"
        of={[
          { title: "Runs", href: href("workflows"), current: !part },
          { title: "Graphs", href: href("workflows", "graphs"), current: part === "graphs" },
        ]}
      />
      {part === "graphs" ? <GraphList space={space} /> : <RunList space={space} />}
    </>
  );
}
