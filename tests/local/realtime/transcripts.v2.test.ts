import { replayAll } from "./scenarios.ts";

replayAll("v2");
