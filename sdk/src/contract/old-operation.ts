/** The form of operations before 0.2, which `POST /sync` accepts until 0.3. */
import { z } from "zod";
import { changeFields, memoryFields, vectorFields, withChange, withText } from "./operation.ts";
import { uuid } from "./schemas.ts";

/** The memory contains its own id, and its vector is a separate field. */
export const oldOperation = z.discriminatedUnion("type", [
  z.strictObject({
    id: uuid,
    type: z.literal("memory.put"),
    memory: withText(z.strictObject({ id: uuid, ...memoryFields })),
    ...vectorFields,
  }),
  z.strictObject({
    id: uuid,
    type: z.literal("memory.update"),
    memory: withChange(z.strictObject({ id: uuid, ...changeFields })),
    ...vectorFields,
  }),
  z.strictObject({
    id: uuid,
    type: z.literal("memory.delete"),
    memory: z.strictObject({ id: uuid }),
  }),
]);

export type OldOperation = z.infer<typeof oldOperation>;
