/** The version of the SDK, the CLI and the edge functions, taken from sdk/package.json. */
export const version = "0.2.0";
