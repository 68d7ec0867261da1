/** The clock of the test kit, which users' own tests have too. */
export { type Clock, clockOf } from "../../testing/src/clock.ts";
