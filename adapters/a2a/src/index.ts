export type { A2AAgent } from "./agents.ts";
export { type A2AOptions, a2aHandler, type Caller, signedIn } from "./http.ts";
export { type PushOptions, pushNotifications } from "./push.ts";
