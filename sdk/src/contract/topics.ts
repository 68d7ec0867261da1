/** The names of Realtime topics, as `realtime.messages` and its policies know them. */
export const logTopic = (tenant: string) => `tenant:${tenant}:log`;
/**
 * A topic with nudges about events that are meant for one agent. That agent gets these nudges in its inbox.
 * This topic is for everybody else who may see the events.
 */
export const peopleTopic = (tenant: string) => `tenant:${tenant}:people`;
export const inboxTopic = (tenant: string, id: string) => `tenant:${tenant}:agent:${id}`;
export const presenceTopic = (tenant: string) => `tenant:${tenant}:agents`;
export const broadcastTopic = (tenant: string, channel: string) =>
  `tenant:${tenant}:broadcast:${channel}`;
