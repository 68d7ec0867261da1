import type { Message, MessageHandler } from "../messages/messages.ts";
import type { JobOptions, JobsAdder, NewJob } from "./types.ts";

/**
 * Which job to add for a message: a name, or a function. A name adds a job of this name, with the message's
 * payload as its input. A function returns the job to add, or undefined to add none.
 */
export type FromMessage = string | ((message: Message) => NewJob | undefined);

/** See {@link Jobs.fromMessages}. */
export function fromMessages(
  jobs: JobsAdder,
  what: FromMessage,
  options: JobOptions = {},
): MessageHandler {
  return async (message) => {
    const job = typeof what === "string" ? { name: what, input: message.payload } : what(message);
    if (!job) return;
    // The key keeps a redelivered message from adding a second job.
    const added = { ...options, key: `message:${message.id}`, answers: message.id, ...job };
    const { error } = await jobs.add([added]);
    if (error) throw error;
  };
}
