import type { ProjectKeys } from "../keys.ts";
import { problems } from "./answers.ts";
import { jsonOf, parsed, secondsOf, stringsOf, textOf } from "./asking.ts";
import { Buckets } from "./buckets.ts";
import type { Files } from "./files.ts";
import { list, listV2 } from "./listing.ts";
import { Objects } from "./objects.ts";
import { sendFile, sendInfo } from "./sending.ts";
import { type Asked, createSigner, type Sessions } from "./session.ts";

export interface Call {
  request: Request;
  asked: Asked;
  /** The names in the path, such as those of a bucket and an object. */
  names: string[];
  query: URLSearchParams;
}

export interface Handler {
  methods: readonly string[];
  path: RegExp;
  operation: string;
  /**
   * Whether a request needs a key or a token. `key`: it needs a key or a token. `maybe`: without a key and
   * a token, it acts as nobody. `open`: key and token are ignored.
   */
  access: "key" | "maybe" | "open";
  handle(call: Call): Promise<Response>;
}

/** As on hosted projects, an upload with a signed URL has to begin within two hours. */
const uploadSeconds = 7200;

/** All routes of Storage, with narrower paths first. */
export function routesOf(parts: {
  sessions: Sessions;
  files: Files;
  keys: ProjectKeys;
  maxBytes: number;
}): Handler[] {
  const { sessions, files, maxBytes } = parts;
  const buckets = new Buckets(sessions, files, maxBytes);
  const objects = new Objects(sessions, files, maxBytes);
  const signer = createSigner(parts.keys);

  const ofBuckets = (
    method: string,
    path: RegExp,
    verb: "create" | "list" | "get" | "update" | "remove" | "empty",
  ): Handler => ({
    methods: [method],
    path,
    operation: `storage.bucket.${verb === "remove" ? "delete" : verb}`,
    access: "key",
    handle: async ({ asked, names: [bucket = ""], request, query }) =>
      buckets[verb]({ asked, bucket, body: await jsonOf(request), query }),
  });
  const on = (
    methods: string,
    path: RegExp,
    operation: string,
    handle: Handler["handle"],
    access: Handler["access"] = "key",
  ): Handler => ({ methods: methods.split(" "), path, operation, access, handle });
  const placeOf = ({ names: [bucket = "", name = ""] }: Call) => ({ bucket, name });
  const notOffered = (feature: string): Handler["handle"] => {
    return async () => {
      throw problems.notOffered(feature);
    };
  };

  return [
    ofBuckets("POST", /^\/bucket\/?$/, "create"),
    ofBuckets("GET", /^\/bucket\/?$/, "list"),
    ofBuckets("GET", /^\/bucket\/([^/]+)$/, "get"),
    ofBuckets("PUT", /^\/bucket\/([^/]+)$/, "update"),
    ofBuckets("DELETE", /^\/bucket\/([^/]+)$/, "remove"),
    ofBuckets("POST", /^\/bucket\/([^/]+)\/empty$/, "empty"),

    on("POST", /^\/object\/list\/([^/]+)$/, "storage.object.list", async (call) =>
      list(sessions, call.asked, placeOf(call).bucket, await jsonOf(call.request)),
    ),
    on("POST", /^\/object\/list-v2\/([^/]+)$/, "storage.object.list_v2", async (call) =>
      listV2(sessions, call.asked, placeOf(call).bucket, await jsonOf(call.request)),
    ),
    on("POST", /^\/object\/move$/, "storage.object.move", async ({ asked, request }) => {
      const { from, to } = pairOf(await jsonOf(request));
      const moved = await objects.move(asked, from, to);
      return Response.json({ message: "Successfully moved", Id: moved.id, Key: moved.name });
    }),
    on("POST", /^\/object\/copy$/, "storage.object.copy", async ({ asked, request }) => {
      const body = await jsonOf(request);
      const { from, to } = pairOf(body);
      const text = Buffer.from(request.headers.get("x-metadata") ?? "", "base64").toString();
      const own =
        body.copyMetadata === false
          ? { metadata: fileMetadata(body.metadata), userMetadata: parsed(text) }
          : undefined;
      const upsert = request.headers.get("x-upsert") === "true";
      const copied = await objects.copy(asked, from, to, { upsert, own });
      return Response.json({ ...copied, Id: copied.id, Key: `${to.bucket}/${to.name}` });
    }),

    on(
      "POST",
      /^\/object\/upload\/sign\/([^/]+)\/(.+)$/,
      "storage.object.sign_upload_url",
      async (call) => {
        const { asked, request } = call;
        const place = placeOf(call);
        const upsert = request.headers.get("x-upsert") === "true";
        await objects.mayUpload(asked, place, upsert);
        const url = `${place.bucket}/${place.name}`;
        const owner = asked.claims.sub;
        const token = await signer.sign({ url, scope: "upload", owner, upsert }, uploadSeconds);
        return Response.json({ url: `/object/upload/sign/${url}?token=${token}`, token });
      },
    ),
    on(
      "PUT",
      /^\/object\/upload\/sign\/([^/]+)\/(.+)$/,
      "storage.object.upload_signed",
      async (call) => {
        const place = placeOf(call);
        const url = `${place.bucket}/${place.name}`;
        const signed = await signer.verify(call.query.get("token") ?? "", url, "upload");
        const { owner, upsert = false } = signed;
        const given = { owner, upsert, signed: true };
        const { Key } = await objects.upload(call.asked, place, call.request, given);
        return Response.json({ Key });
      },
      "open",
    ),
    on("POST", /^\/object\/sign\/([^/]+)$/, "storage.object.sign_many", async (call) => {
      const { bucket } = placeOf(call);
      const body = await jsonOf(call.request);
      const seconds = secondsOf(body.expiresIn);
      const paths = stringsOf(body.paths, "paths");
      const seen = await objects.seen(call.asked, bucket, paths);
      const signed = paths.map(async (path) => {
        if (!seen.has(path)) {
          const error = "Either the object does not exist or you do not have access to it";
          return { error, path, signedURL: null };
        }
        const url = `${bucket}/${path}`;
        const token = await signer.sign({ url, scope: "download" }, seconds);
        return { error: null, path, signedURL: `/object/sign/${url}?token=${token}` };
      });
      return Response.json(await Promise.all(signed));
    }),
    on("POST", /^\/object\/sign\/([^/]+)\/(.+)$/, "storage.object.sign", async (call) => {
      const place = placeOf(call);
      const seconds = secondsOf((await jsonOf(call.request)).expiresIn);
      if (!(await objects.seen(call.asked, place.bucket, [place.name])).has(place.name))
        throw problems.noObject();
      const url = `${place.bucket}/${place.name}`;
      const token = await signer.sign({ url, scope: "download" }, seconds);
      return Response.json({ signedURL: `/object/sign/${url}?token=${token}` });
    }),
    on(
      "GET HEAD",
      /^\/object\/sign\/([^/]+)\/(.+)$/,
      "storage.object.get_signed",
      async (call) => {
        const place = placeOf(call);
        const url = `${place.bucket}/${place.name}`;
        const { exp } = await signer.verify(call.query.get("token") ?? "", url, "download");
        const found = await objects.findSigned(call.asked, place);
        return sendFile(call.request, files, found, exp);
      },
      "open",
    ),

    on(
      "GET",
      /^\/object\/info\/public\/([^/]+)\/(.+)$/,
      "storage.object.info_public",
      async (call) => sendInfo(call.request, await objects.findPublic(call.asked, placeOf(call))),
      "open",
    ),
    on(
      "GET",
      /^\/object\/info\/(?:authenticated\/)?([^/]+)\/(.+)$/,
      "object.get_authenticated_info",
      async (call) => sendInfo(call.request, await objects.find(call.asked, placeOf(call))),
      "maybe",
    ),
    on(
      "GET HEAD",
      /^\/object\/public\/([^/]+)\/(.+)$/,
      "storage.object.get_public",
      async (call) => {
        const found = await objects.findPublic(call.asked, placeOf(call));
        return sendFile(call.request, files, found);
      },
      "open",
    ),
    on(
      "HEAD",
      /^\/object\/(?:authenticated\/)?([^/]+)\/(.+)$/,
      "object.head_authenticated_info",
      async (call) => sendInfo(call.request, await objects.find(call.asked, placeOf(call))),
      "maybe",
    ),
    on(
      "GET",
      /^\/object\/(?:authenticated\/)?([^/]+)\/(.+)$/,
      "storage.object.get_authenticated",
      async (call) => {
        const found = await objects.find(call.asked, placeOf(call));
        return sendFile(call.request, files, found);
      },
      "maybe",
    ),
    on("DELETE", /^\/object\/([^/]+)$/, "storage.object.delete_many", async (call) => {
      const names = stringsOf((await jsonOf(call.request)).prefixes, "prefixes");
      return Response.json(await objects.remove(call.asked, placeOf(call).bucket, names));
    }),
    on("DELETE", /^\/object\/([^/]+)\/(.+)$/, "storage.object.delete", async (call) => {
      await objects.removeOne(call.asked, placeOf(call));
      return Response.json({ message: "Successfully deleted" });
    }),
    on("POST", /^\/object\/([^/]+)\/(.+)$/, "storage.object.upload", async (call) => {
      const upsert = call.request.headers.get("x-upsert") === "true";
      const options = { upsert, owner: call.asked.claims.sub };
      return Response.json(await objects.upload(call.asked, placeOf(call), call.request, options));
    }),
    on("PUT", /^\/object\/([^/]+)\/(.+)$/, "storage.object.upload_update", async (call) => {
      const options = { upsert: true, owner: call.asked.claims.sub };
      return Response.json(await objects.upload(call.asked, placeOf(call), call.request, options));
    }),

    on(
      "GET",
      /^\/render\/image\//,
      "storage.render.image",
      notOffered("imageTransformation"),
      "open",
    ),
    on("DELETE", /^\/cdn\//, "storage.cdn.purge", notOffered("purgeCache")),
  ];
}

function pairOf(body: Record<string, unknown>) {
  const bucket = textOf(body.bucketId, "bucketId");
  return {
    from: { bucket, name: textOf(body.sourceKey, "sourceKey") },
    to: {
      bucket: body.destinationBucket ? textOf(body.destinationBucket, "destinationBucket") : bucket,
      name: textOf(body.destinationKey, "destinationKey"),
    },
  };
}

function fileMetadata(given: unknown): object {
  const { cacheControl, mimetype } = (given ?? {}) as Record<string, unknown>;
  return {
    ...(typeof cacheControl === "string" && { cacheControl }),
    ...(typeof mimetype === "string" && { mimetype }),
  };
}
