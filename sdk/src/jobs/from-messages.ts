import type { Message, MessageHandler } from "../messages/messages.ts";
import type { JobOptions, JobsAdder, NewJob } from "./types.ts";

/**
 * The name of the job to add. Its input is the payload of the message. Or a function that returns the job,
 * or undefined to add no job.
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
