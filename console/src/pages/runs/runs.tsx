import "./runs.css";
import "./picked.css";
import "./compare.css";
import type { PageProps } from "../page.ts";
import { Compare } from "./compare.tsx";
import { OneRun } from "./one-run.tsx";
import { RunList } from "./run-list.tsx";

/** All runs, one of them, or two side by side: `runs/<id>/with/<id>`. */
export default function Runs({ space, rest }: PageProps) {
  const [id, word, other] = rest;
  if (!id) return <RunList space={space} />;
  if (word === "with" && other)
    return <Compare key={`${id} ${other}`} space={space} left={id} right={other} />;
  return <OneRun key={id} space={space} id={id} />;
}
