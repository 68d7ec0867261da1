import postgres from "postgres";

interface Problem {
  /**
   * The status that the body contains. As on hosted projects, the HTTP status is a different one:
   * always 400, or 500 for a failure of our own.
   */
  status: number;
  code: string;
  /** The older name of the error, if it has one. */
  error?: string;
  message: string;
}

/** A refusal of Storage, in the words of Supabase's storage-api. */
export class StorageProblem extends Error {
  override readonly name = "StorageProblem";
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.message);
    this.problem = problem;
  }

  get response(): Response {
    const { status, code, error = code, message } = this.problem;
    const body = { statusCode: String(status), error, message, code };
    return Response.json(body, { status: status === 500 ? 500 : 400 });
  }
}

const of = (status: number, code: string, message: string, error?: string) =>
  new StorageProblem({ status, code, message, ...(error && { error }) });

export const problems = {
  noBucket: () => of(404, "NoSuchBucket", "Bucket not found", "Bucket not found"),
  noObject: () => of(404, "NoSuchKey", "Object not found", "not_found"),
  exists: (code: "KeyAlreadyExists" | "BucketAlreadyExists" | "ResourceAlreadyExists") =>
    of(409, code, "The resource already exists", "Duplicate"),
  notEmpty: () => of(409, "ResourceNotEmpty", "The bucket you tried to delete is not empty"),
  denied: (message: string) => of(403, "AccessDenied", message, "Unauthorized"),
  bucketName: () => of(400, "InvalidBucketName", "Bucket name invalid", "Invalid Input"),
  key: (key: string) => of(400, "InvalidKey", `Invalid key: ${key}`),
  mimeType: (type: string) =>
    of(415, "InvalidMimeType", `mime type ${type} is not supported`, "invalid_mime_type"),
  tooLarge: (what = "object") =>
    of(413, "EntityTooLarge", `The ${what} exceeded the maximum allowed size`, "Payload too large"),
  noContent: () => of(400, "InvalidRequest", "No content provided"),
  sizeFormat: () =>
    of(400, "InvalidRequest", "Invalid file size format, hint: use 20GB / 20MB / 30KB / 3B"),
  request: (message: string) => of(400, "InvalidRequest", message),
  parameter: (name: string) => of(400, "InvalidParameter", `Invalid Parameter ${name}`),
  jwt: (message: string) => of(400, "InvalidJWT", message),
  signature: (message = "Invalid signature") => of(400, "InvalidSignature", message),
  range: () => of(400, "InvalidRange", "invalid range provided", "invalid_range"),
  notOffered: (feature: string) =>
    of(409, "FeatureNotEnabled", `The feature ${feature} is not enabled for this resource`),
  failure: () => of(500, "InternalError", "Internal server error"),
};

/** Converts a refusal of the database into storage-api's words, without statements or values. */
export function problemOf(error: unknown): unknown {
  if (!(error instanceof postgres.PostgresError)) return error;
  switch (error.code) {
    case "42501":
      return problems.denied(
        error.message.includes("row-level security")
          ? "new row violates row-level security policy"
          : error.message,
      );
    case "23505":
      return problems.exists("ResourceAlreadyExists");
    case "23503":
      return of(404, "RelatedResourceNotFound", "The related resource does not exist");
    case "42P17":
      return of(500, "DatabaseInvalidObjectDefinition", "The database policy is invalid");
    case "22P02":
      return problems.parameter("value");
    default:
      return of(500, "DatabaseError", `database error, code: ${error.code}`);
  }
}

export const routeNotFound = (request: Request): Response =>
  Response.json(
    {
      statusCode: "404",
      error: "Not Found",
      message: `Route ${request.method}:${new URL(request.url).pathname} not found`,
      code: "InvalidRequest",
    },
    { status: 404 },
  );
