/** The schemas of the contract, for tests that compare them with SQL. */
export { memory, operation, syncRequest } from "@mayfly/sdk/contract/schemas";
