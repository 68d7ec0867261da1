import { problems } from "./answers.ts";
import { isAllowed, isPlaceholder } from "./names.ts";

/** A file that is being uploaded. */
export interface Upload {
  body: AsyncIterable<Uint8Array>;
  mimetype: string;
  cacheControl: string;
  userMetadata: Record<string, unknown> | undefined;
  limit: number;
}

const maxMetadataBytes = 1024 * 1024;
/** The most bytes that a form has besides its file: names, boundaries and metadata. */
const formBytes = 2 * maxMetadataBytes;

/**
 * The file in a request's body: the body itself, or the file of a form.
 * @throws StorageProblem after the body was read, so that its sender gets the error.
 */
export async function uploadOf(
  request: Request,
  name: string,
  allowed: readonly string[],
  maxBytes: number,
): Promise<Upload> {
  const limit = isPlaceholder(name) ? 0 : maxBytes;
  const type = request.headers.get("content-type") ?? "application/octet-stream";
  const body = request.body as AsyncIterable<Uint8Array> | null;
  const upload = type.startsWith("multipart/form-data")
    ? await fromForm(body, type, limit)
    : {
        body: body ?? empty(),
        mimetype: type,
        cacheControl: request.headers.get("cache-control") ?? "no-cache",
        userMetadata: metadataOf(
          Buffer.from(request.headers.get("x-metadata") ?? "", "base64").toString("utf8"),
        ),
        limit,
      };
  if (!isPlaceholder(name) && !isAllowed(upload.mimetype, allowed)) {
    await drain(upload.body);
    throw problems.mimeType(upload.mimetype);
  }
  return upload;
}

async function fromForm(
  body: AsyncIterable<Uint8Array> | null,
  type: string,
  limit: number,
): Promise<Upload> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? empty()) {
    size += chunk.length;
    if (size <= limit + formBytes) chunks.push(chunk);
  }
  if (size > limit + formBytes) throw problems.tooLarge();
  const form = await new Response(Buffer.concat(chunks), { headers: { "content-type": type } })
    .formData()
    .catch(() => {
      throw problems.noContent();
    });
  const file = [...form.values()].find((value) => typeof value !== "string");
  if (!file) throw problems.noContent();
  const seconds = form.get("cacheControl");
  const metadata = form.get("metadata") ?? form.get("userMetadata");
  if (typeof metadata === "string" && Buffer.byteLength(metadata) > maxMetadataBytes)
    throw problems.tooLarge("user_metadata");
  const own = form.get("contentType");
  return {
    body: file.stream() as unknown as AsyncIterable<Uint8Array>,
    mimetype: (typeof own === "string" && own) || file.type || "application/octet-stream",
    cacheControl: typeof seconds === "string" && seconds ? `max-age=${seconds}` : "no-cache",
    userMetadata: typeof metadata === "string" ? metadataOf(metadata) : undefined,
    limit,
  };
}

/** As on hosted projects, metadata that is not JSON counts as none. */
function metadataOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

async function* empty(): AsyncGenerator<Uint8Array> {}

async function drain(body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of body);
}
