import { TokenError, type Tokens } from "../tokens.ts";

/**
 * Checks the caller of a function with verify_jwt on. As at a hosted gateway, the caller needs a token
 * of this project. The new API keys are not tokens, so this refuses them, and so does the hosted
 * gateway.
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
