const ours = /(\/functions\/v1\/)(spawn|sync|query)(?=[/?]|$)/;

/**
 * A `fetch` that calls Mayfly's edge functions by the names with which `mayfly init --prefix` installed
 * them. Calls of a project's own functions are not changed.
 */
export const prefixed = (fetch: typeof globalThis.fetch, prefix = ""): typeof globalThis.fetch =>
  prefix === ""
    ? fetch
    : (input, init) =>
        fetch(typeof input === "string" ? input.replace(ours, `$1${prefix}$2`) : input, init);
