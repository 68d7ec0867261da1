/**
 * A schema from zod, valibot, arktype or any other library that supports Standard Schema
 * (https://standardschema.dev).
 */
export interface JobSchema<Out = unknown, In = unknown> {
  readonly "~standard": {
    readonly validate: (value: unknown) => Checked<Out> | Promise<Checked<Out>>;
    readonly types?: { readonly input: In; readonly output: Out } | undefined;
  };
}
type Checked<Out> =
  | { readonly value: Out; readonly issues?: undefined }
  | { readonly issues: readonly Issue[] };
interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}
