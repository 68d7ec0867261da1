import type { Message, MessageHandler } from "../messages/messages.ts";
import type { JobOptions, JobsAdder, NewJob } from "./types.ts";

/**
 * The name of a job, which gets the payload of the message as its input. Or a function that returns the job, or
 * undefined to add none.
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
    // A redelivered message finds its job by the key.
    const added = { ...options, key: `message:${message.id}`, answers: message.id, ...job };
    const { error } = await jobs.add([added]);
    if (error) throw error;
  };
}
