import { problems } from "./answers.ts";
import type { Files } from "./files.ts";
import type { Metadata, ObjectRow } from "./rows.ts";

function common(metadata: Metadata): Headers {
  return new Headers({
    etag: metadata.eTag,
    "cache-control": metadata.cacheControl,
    "last-modified": new Date(metadata.lastModified).toUTCString(),
  });
}

/** The file, or the requested part of it. @throws StorageProblem */
export function sendFile(
  request: Request,
  files: Files,
  object: ObjectRow,
  until?: number,
): Response {
  const { metadata, version } = object;
  const headers = common(metadata);
  // As on hosted projects, an uploaded page is sent as text, so that its scripts cannot run here.
  const isPage = metadata.mimetype.includes("text/html");
  headers.set("content-type", isPage ? "text/plain" : metadata.mimetype);
  headers.set("accept-ranges", "bytes");
  headers.set("x-robots-tag", "none");
  headers.set("x-content-type-options", "nosniff");
  if (until !== undefined) {
    headers.delete("cache-control");
    headers.set("expires", new Date(until * 1000).toUTCString());
  }
  const download = new URL(request.url).searchParams.get("download");
  if (download !== null) {
    const name = encodeURIComponent(download);
    const named = ` filename=${name}; filename*=UTF-8''${name}`;
    headers.set("content-disposition", `attachment;${download ? named : ""}`);
  }
  if (isUnchanged(request, metadata)) return new Response(null, { status: 304, headers });
  const part = partOf(request.headers.get("range"), metadata.size);
  const { from, to } = part ?? { from: 0, to: metadata.size - 1 };
  headers.set("content-length", String(to - from + 1));
  if (part) headers.set("content-range", `bytes ${from}-${to}/${metadata.size}`);
  const body = request.method === "HEAD" ? null : files.read(version, from, to);
  return new Response(body, { status: part ? 206 : 200, headers });
}

/** The object's metadata, in the form of storage-api's `info`. */
export function sendInfo(request: Request, object: ObjectRow): Response {
  const { metadata, user_metadata, updated_at, id, name, version, bucket_id, created_at } = object;
  const headers = common(metadata);
  if (request.method === "HEAD") {
    headers.set("content-type", metadata.mimetype);
    headers.set("content-length", String(metadata.size));
    return new Response(null, { headers });
  }
  const body = {
    ...{ id, name, version, bucket_id },
    size: metadata.size,
    content_type: metadata.mimetype,
    cache_control: metadata.cacheControl,
    etag: metadata.eTag,
    metadata: user_metadata,
    last_modified: updated_at,
    created_at,
  };
  return Response.json(body, { headers });
}

function isUnchanged(request: Request, metadata: Metadata): boolean {
  const tag = request.headers.get("if-none-match");
  if (tag !== null) return tag === metadata.eTag;
  const since = Date.parse(request.headers.get("if-modified-since") ?? "");
  return Math.floor(Date.parse(metadata.lastModified) / 1000) * 1000 <= since;
}

function partOf(range: string | null, size: number): { from: number; to: number } | undefined {
  if (range === null) return undefined;
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? [];
  if (first === "" && last === "") throw problems.range();
  const from = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const to = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (from > to) throw problems.range();
  return { from, to };
}
