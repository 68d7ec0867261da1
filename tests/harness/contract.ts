/** The schemas of the contract, for tests that compare them with SQL. */
export { memoryColumns, memoryRow } from "@mayfly/sdk/contract/memory-rows";
export { operation } from "@mayfly/sdk/contract/operation";
export { teamRequest } from "@mayfly/sdk/contract/schemas";
export { faultOf, syncRequest } from "@mayfly/sdk/contract/sync-request";
