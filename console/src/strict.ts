// This must run first, because zod would compile schemas with eval, which the policy of the page
// forbids.
import { config } from "zod";

config({ jitless: true });
