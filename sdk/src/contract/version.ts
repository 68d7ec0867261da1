/** Of the SDK, the CLI and the edge functions, which have one version together: that of sdk/package.json. */
export const version = "0.2.0";
