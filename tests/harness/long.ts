/** The long suite, `npm run test:long`: tests that `npm test` leaves out, and properties with 10,000 runs each. */
export const long = process.env.MAYFLY_LONG === "1";

/** How many inputs a property is tried with: `usual` in `npm test`, or as many as MAYFLY_PROPERTY_RUNS says. */
export const propertyRuns = (usual: number): number =>
  Number(process.env.MAYFLY_PROPERTY_RUNS ?? (long ? 10_000 : usual));
