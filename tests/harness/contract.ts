/** The schemas of the contract, for tests that compare them with SQL. */
export { memory, operation, syncRequest } from "../../sdk/src/contract/schemas.ts";
