/** The clock of the test kit, which tests of users also get. */
export { type Clock, clockOf } from "../../testing/src/clock.ts";
