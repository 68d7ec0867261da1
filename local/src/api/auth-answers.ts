/** GoTrue's error envelope. */
export function authError(status: number, errorCode: string, msg: string): Response {
  return Response.json(
    { code: status, error_code: errorCode, msg },
    { status, headers: { "x-sb-error-code": errorCode } },
  );
}

/** A request that GoTrue would refuse. The answer says why. */
export class AuthProblem extends Error {
  override readonly name = "AuthProblem";
  readonly response: Response;

  constructor(status: number, errorCode: string, msg: string) {
    super(msg);
    this.response = authError(status, errorCode, msg);
  }
}
