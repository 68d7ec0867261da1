import { replayAll } from "./scenarios.ts";

replayAll("v1");
