import type { State, StateDifference, StateVersionInfo } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import { href, route, setQuery } from "../../app/route.ts";
import { withNames } from "../../live/about.ts";
import type { Space } from "../../live/space.ts";
import { useCount } from "../../live/use-count.ts";
import { Action } from "../../parts/action.tsx";
import { Badge } from "../../parts/badge.tsx";
import { Copy } from "../../parts/copy.tsx";
import { Differences } from "../../parts/differences.tsx";
import { Json } from "../../parts/json.tsx";
import { type Loaded, Show, useLoaded } from "../../parts/loaded.tsx";
import { Name } from "../../parts/name.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { printable } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";
import { mayWrite, statesOf } from "./owner.ts";
import { StateForm } from "./state-form.tsx";

/** A state, now or in an earlier version, with the list of its versions. */
export function OneState(props: { space: Space; owner: string; name: string }) {
  const { space, owner, name } = props;
  const states = statesOf(space, owner);
  const count = useCount(space, ({ kind }) => kind === "state");
  const [changes, setChanges] = useState(0);
  const on = [owner, name, count, changes];
  const current = useLoaded(() => states.get(name), on);
  const history = useLoaded(() => states.history(name), on);
  const changed = () => setChanges((before) => before + 1);
  return (
    <>
      <header class="sides-head">
        <a class="sides-back" href={href("state")}>
          All states
        </a>
        <h2>
          <bdi class="mono" title={printable(name)}>
            {withNames(space, printable(name))}
          </bdi>
        </h2>
        <span class="muted">{owner === "shared" ? "shared" : <Name id={owner} />}</span>
        <StateActions {...props} state={current.data} onChange={changed} />
      </header>
      <Show of={history}>
        {(versions) =>
          versions.length === 0 ? (
            <Empty title="There is no such state.">
              It was never set, or its versions are no longer kept.
            </Empty>
          ) : (
            <Versions {...props} current={current} versions={versions} onChange={changed} />
          )
        }
      </Show>
    </>
  );
}

function StateActions(props: {
  space: Space;
  owner: string;
  name: string;
  state: State | null;
  onChange(): void;
}) {
  const { space, owner, name, state, onChange } = props;
  const [writes, setWrites] = useState(false);
  if (!state) return null;
  return (
    <div class="actions">
      <Copy text={() => JSON.stringify(state.value, null, 2)} label="JSON" />
      {mayWrite(space, owner) && (
        <>
          <button type="button" class="button" onClick={() => setWrites(true)}>
            Edit
          </button>
          <Action
            label="Delete"
            tone="danger"
            confirm="Delete it? Its versions are kept for a while."
            done="It is deleted"
            run={() => statesOf(space, owner).delete(name, { expectedVersion: state.version })}
            after={onChange}
          />
        </>
      )}
      {writes && (
        <StateForm
          space={space}
          owner={owner}
          state={state}
          onClose={() => {
            setWrites(false);
            onChange();
          }}
        />
      )}
    </div>
  );
}

function Versions(props: {
  space: Space;
  owner: string;
  name: string;
  current: Loaded<State | null>;
  versions: StateVersionInfo[];
  onChange(): void;
}) {
  const { space, owner, name, current, versions, onChange } = props;
  const states = statesOf(space, owner);
  const newest = versions[0]?.version ?? 0;
  const asked = Number(route.value.query.get("version"));
  const shown = versions.find(({ version }) => version === asked) ?? versions[0];
  const at = shown?.version ?? newest;
  const before = versions.find(({ version }) => version < at)?.version;
  const value = useLoaded(() => states.at(name, at), [owner, name, at]);
  const differences = useLoaded(
    async () =>
      before === undefined
        ? { data: [] as StateDifference[], error: null }
        : await states.diff(name, before, at),
    [owner, name, before, at],
  );
  const isNow = at === newest;
  const gone = value.data !== null && value.data.value === undefined;
  return (
    <div class="state-grid">
      <div class="stack">
        <Panel
          title={isNow ? "Now" : `As of version ${at}`}
          hint={isNow && current.data?.expiresAt ? "it expires by itself" : undefined}
          actions={
            !isNow &&
            !gone &&
            mayWrite(space, owner) && (
              <Action
                label={`Roll back to version ${at}`}
                tone="primary"
                confirm={`Make version ${newest + 1} from version ${at}?`}
                done={`Rolled back to version ${at}`}
                run={async () => {
                  const rolled = await states.rollback(name, at, { expectedVersion: newest });
                  if (rolled.data) setQuery({ version: null });
                  return rolled;
                }}
                after={onChange}
              />
            )
          }
        >
          <div class="panel-body">
            <Show of={value}>
              {(version) =>
                version === null || version.value === undefined ? (
                  <span class="muted">
                    {version?.action === "expire" ? "It had expired." : "It was deleted."} An
                    earlier version can be brought back.
                  </span>
                ) : (
                  <Json key={at} value={version.value} open={4} />
                )
              }
            </Show>
          </div>
        </Panel>
        {before !== undefined && (
          <Panel title={`What version ${at} changed`} hint={`against version ${before}`}>
            <div class="panel-body">
              {differences.data && <Differences of={differences.data} />}
            </div>
          </Panel>
        )}
      </div>
      <Panel title="Versions" hint="the newest 100 are kept">
        <ol class="versions">
          {versions.map(({ version, action, by, at: when }) => (
            <li key={version}>
              <button
                type="button"
                aria-pressed={version === at}
                onClick={() => setQuery({ version: version === newest ? null : String(version) })}
              >
                <b>{version}</b>
                <Badge tone={tones[action] ?? "gray"}>{action}</Badge>
                <span class="version-by">
                  <Name id={by} plain />
                </span>
                <Ago at={when} />
              </button>
            </li>
          ))}
        </ol>
      </Panel>
    </div>
  );
}

const tones: Record<string, string> = {
  set: "blue",
  patch: "teal",
  rollback: "violet",
  reconcile: "amber",
  delete: "red",
  expire: "gray",
};
