/** Generated inputs are the same in each `npm test`, and different each time in the long suite. */
import fc from "fast-check";
import { long } from "./long.ts";

if (!long) fc.configureGlobal({ seed: 20_261_121 });
