/** The form of operations in an outbox. It does not depend on memories. */
import type { OldOperation } from "./old-operation.ts";
import type { Operation } from "./operation.ts";

/** An operation as an outbox keeps it. What the body has depends on the type. */
export interface Envelope {
  id: string;
  type: Operation["type"];
  /** What it is about: the id of a memory. */
  subject: string;
  body: Record<string, unknown>;
}

/** Converts an operation that is put into an outbox, or that an earlier release has put there. */
export function enveloped(operation: Envelope | Operation | OldOperation): Envelope {
  if ("subject" in operation) return { ...operation, body: operation.body ?? {} };
  const { id, type, memory, ...vector } = operation;
  const { id: subject, ...body }: { id: string } & Record<string, unknown> = memory;
  return { id, type, subject, body: { ...body, ...vector } };
}
