import type { Message, MessageHandler } from "../messages/messages.ts";
import type { JobOptions, JobsAdder, NewJob } from "./types.ts";

/**
 * Which job to add for a message: the name of a job, which gets the payload as its input, or a function
 * that returns the job, or undefined for none.
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
