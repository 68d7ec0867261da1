/** Files in the project's Storage, accessed as the caller of a link. */
import { failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import type { MayflyClient } from "./call.ts";

/** The bucket of artifacts. Mayfly sets its policies. */
const bucket = "mayfly";

/** The files of artifacts. Policies on `storage.objects` decide what a caller may do with each. */
export class Files {
  readonly #client: MayflyClient;

  constructor(client: MayflyClient) {
    this.#client = client;
  }

  /** Writes a file once. An existing file is not replaced. */
  async write(path: string, body: Blob, mediaType: string): Promise<Result<null>> {
    const { error } = await this.#client.storage
      .from(bucket)
      .upload(path, body, { contentType: mediaType, upsert: false });
    return error ? failed(refusalOf(error)) : ok(null);
  }

  async read(path: string): Promise<Result<Blob>> {
    const { data, error } = await this.#client.storage.from(bucket).download(path);
    return error ? failed(refusalOf(error)) : ok(data);
  }

  /** A URL with which anyone can read the file, for this many seconds. */
  async sign(path: string, seconds: number, download: string): Promise<Result<string>> {
    const { data, error } = await this.#client.storage
      .from(bucket)
      .createSignedUrl(path, seconds, { download });
    return error ? failed(refusalOf(error)) : ok(data.signedUrl);
  }

  /** Deletes the files that the caller may delete. The others stay, without an error. */
  async remove(paths: string[]): Promise<Result<null>> {
    if (paths.length === 0) return ok(null);
    const { error } = await this.#client.storage.from(bucket).remove(paths);
    return error ? failed(refusalOf(error)) : ok(null);
  }
}

/** Converts Storage's refusal into a Mayfly error. */
function refusalOf(error: Error): MayflyError {
  // Recognise the error by its shape, because its class differs between releases of supabase-js.
  const { code, statusCode } = Object(error) as { code?: unknown; statusCode?: unknown };
  const of = (is: "artifact_unknown" | "invalid_request" | "scope_missing", hint: string) =>
    new MayflyError(
      { code: is, message: `Storage refused the file: ${error.message}.`, hint, details: null },
      { cause: error },
    );
  if (code === "NoSuchKey" || code === "NoSuchBucket")
    return of("artifact_unknown", "List the artifacts, because this one may have been removed.");
  if (code === "EntityTooLarge" || statusCode === "413")
    return of("invalid_request", "Raise the project's file size limit, or store it in parts.");
  if (code === "InvalidMimeType") return of("invalid_request", "Use another media type.");
  if (code === "AccessDenied")
    return of("scope_missing", "Use a caller with artifact:read and artifact:write.");
  return new MayflyError(
    {
      code: "unavailable",
      message: "The project's Storage could not be used.",
      hint: "Check that Storage is enabled and the network works, then try again.",
      details: null,
    },
    { cause: error },
  );
}
