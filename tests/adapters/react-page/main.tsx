/** @jsxImportSource react */
/** A page with every hook, in strict mode. A hook is on the page twice if two components can share its data. */
import {
  type Live,
  MayflyProvider,
  useAgents,
  useApprovals,
  useMayfly,
  useMessages,
  useRun,
  useSharedState,
} from "@mayfly/react";
import { Mayfly } from "@mayfly/sdk";
import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";

const { tenant = "", ...project } = Object.fromEntries(new URLSearchParams(location.search));
const { url = "", key = "", token = "", run: runId } = project;
/** The application's client, with a person signed in. */
const session = { data: { session: { access_token: token } } };
const client = { auth: { getSession: async () => session } };
const mayfly = new Mayfly({ url, key, tenant, client: client as never });

/** Shows what is loading, and which errors there are. */
const How = ({ of, name }: { of: Live<unknown>; name: string }) => (
  <output aria-label={`${name} state`}>
    {of.isLoading ? "loading" : (of.error?.code ?? "ready")}
  </output>
);

function Agents({ name }: { name: string }) {
  const agents = useAgents();
  return (
    <>
      <How of={agents} name={name} />
      <ul aria-label={name}>
        {agents.data.map(({ id, name }) => (
          <li key={id}>{name}</li>
        ))}
      </ul>
    </>
  );
}

function Messages() {
  const messages = useMessages({ limit: 5 });
  return (
    <>
      <How of={messages} name="messages" />
      <ul aria-label="messages">
        {messages.data.map(({ id, payload }) => (
          <li key={id}>{String(payload.text)}</li>
        ))}
      </ul>
    </>
  );
}

function Counter({ name }: { name: string }) {
  const count = useSharedState<number>("count");
  const [refused, setRefused] = useState("");
  return (
    <>
      <How of={count} name={name} />
      <output aria-label={name}>{count.data ?? "none"}</output>
      <output aria-label={`${name} refused`}>{refused}</output>
      <button
        type="button"
        onClick={() => void count.set(100).then(({ error }) => setRefused(error?.code ?? ""))}
      >
        {name}: set 100
      </button>
      <button type="button" onClick={() => void count.set((now = 0) => now + 1)}>
        {name}: add 1
      </button>
    </>
  );
}

/** One large state after another. */
function Large({ number }: { number: number }) {
  const state = useSharedState<string>(`large ${number}`);
  return <output aria-label="large">{`${number}: ${state.data?.length ?? 0}`}</output>;
}

function Approvals() {
  const approvals = useApprovals();
  return (
    <ul aria-label="approvals">
      {approvals.data.map((one) => (
        <li key={one.id}>
          {one.title}
          <button type="button" onClick={() => void approvals.approve(one)}>
            Approve
          </button>
        </li>
      ))}
    </ul>
  );
}

function Run({ id }: { id: string | undefined }) {
  const live = useRun(id);
  return (
    <>
      <How of={live} name="run" />
      <output aria-label="run status">{live.data.run?.status ?? "none"}</output>
      <output aria-label="run text">{live.data.text}</output>
    </>
  );
}

function Spawn() {
  const here = useMayfly();
  return (
    <button type="button" onClick={() => void here.spawn({ name: "from-the-page", lifetime: 60 })}>
      Spawn
    </button>
  );
}

function App() {
  const [isShown, setShown] = useState(true);
  const [number, setNumber] = useState(0);
  return (
    <>
      <button type="button" onClick={() => setShown(!isShown)}>
        Show or hide
      </button>
      <button type="button" onClick={() => setNumber(number + 1)}>
        Next large state
      </button>
      {number > 0 && <Large number={number} />}
      {isShown && (
        <main>
          <Agents name="agents" />
          <Agents name="same agents" />
          <Messages />
          <Counter name="count" />
          <Counter name="same count" />
          <Approvals />
          <Run id={runId} />
          <Spawn />
        </main>
      )}
    </>
  );
}

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <MayflyProvider mayfly={mayfly}>
      <App />
    </MayflyProvider>
  </StrictMode>,
);
