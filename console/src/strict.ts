// Before everything else: the forms of zod would be compiled by eval, which the policy of the page forbids.
import { config } from "zod";

config({ jitless: true });
