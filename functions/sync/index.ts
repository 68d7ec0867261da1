import { app } from "./handler.ts";

export default { fetch: (request: Request) => app.fetch(request) };
