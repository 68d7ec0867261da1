import { TokenError, type Tokens } from "../tokens.ts";

/**
 * The check before a function with verify_jwt on: it needs a token of this project, as at a hosted
 * gateway. The new API keys are not tokens and are refused there, too.
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
