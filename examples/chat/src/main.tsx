/** @jsxImportSource react */
import type { RunMessage } from "@mayfly/ai-sdk";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Chat } from "./chat.tsx";

// The conversation is in the address, so that a reload finds it again.
const address = new URL(location.href);
const id = address.searchParams.get("chat") ?? crypto.randomUUID();
address.searchParams.set("chat", id);
history.replaceState(null, "", address);

const answer = await fetch(`/api/chat/${id}`);
const said = (await answer.json()) as RunMessage[];
createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <Chat id={id} history={said} />
  </StrictMode>,
);
