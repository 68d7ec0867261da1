import { TokenError, type Tokens } from "../tokens.ts";

/**
 * What stands before a function whose verify_jwt is on: a token of this project, as a hosted gateway wants
 * it. The new API keys are no tokens, and do not pass there either.
 */
export const verifyCallers =
  (tokens: Tokens) =>
  async (request: Request): Promise<boolean> => {
    const [, token] = /^Bearer (.+)$/i.exec(request.headers.get("authorization") ?? "") ?? [];
    if (token === undefined) return false;
    try {
      await tokens.verify(token);
      return true;
    } catch (error) {
      if (error instanceof TokenError) return false;
      throw error;
    }
  };
