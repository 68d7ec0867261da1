import { randomUUID } from "node:crypto";
import { problems } from "./answers.ts";
import type { Files } from "./files.ts";
import { checkBucketName, checkKey } from "./names.ts";
import {
  bucketOf,
  deleteObjects,
  findObject,
  insertObject,
  type Metadata,
  moveObject,
  type NewObject,
  type ObjectRow,
  objectOf,
  upsertObject,
  visible,
} from "./rows.ts";
import { type Asked, type Sessions, service } from "./session.ts";
import { type Upload, uploadOf } from "./upload.ts";

interface Place {
  bucket: string;
  name: string;
}

/**
 * The operations on objects. First the policies decide: the operation is tried with the caller's
 * rights, and undone. Then the file is written. Finally, the row is written, with the server's
 * rights. As in storage-api, no transaction waits for a caller's bytes.
 */
export class Objects {
  readonly #sessions: Sessions;
  readonly #files: Files;
  readonly #maxBytes: number;

  constructor(sessions: Sessions, files: Files, maxBytes: number) {
    this.#sessions = sessions;
    this.#files = files;
    this.#maxBytes = maxBytes;
  }

  /**
   * The object, if the policies show it to the caller. Everybody may read from a public bucket.
   * @throws StorageProblem
   */
  async find(asked: Asked, { bucket, name }: Place): Promise<ObjectRow> {
    checkBucketName(bucket);
    const found = await this.#sessions
      .run(asked, service, (sql) => bucketOf(sql, bucket))
      .catch(() => undefined);
    if (!found || (!asked.authenticated && !found.public)) throw problems.noBucket();
    checkKey(name);
    const reader = found.public ? service : asked.claims;
    return this.#sessions.run(asked, reader, (sql) => objectOf(sql, bucket, name));
  }

  /** The objects with these names that the policies show to the caller. @throws StorageProblem */
  async seen(asked: Asked, bucket: string, names: string[]): Promise<Set<string>> {
    checkBucketName(bucket);
    const seen = await this.#sessions.run(asked, asked.claims, (sql) =>
      visible(sql, bucket, names),
    );
    return new Set(seen);
  }

  /** The object of a public bucket. @throws StorageProblem */
  async findPublic(asked: Asked, place: Place): Promise<ObjectRow> {
    return this.#sessions.run(asked, service, async (sql) => {
      const bucket = await bucketOf(sql, place.bucket);
      if (!bucket.public) throw problems.noBucket();
      return objectOf(sql, place.bucket, place.name);
    });
  }

  /** The object that a signed URL names. @throws StorageProblem */
  findSigned(asked: Asked, { bucket, name }: Place): Promise<ObjectRow> {
    return this.#sessions.run(asked, service, (sql) => objectOf(sql, bucket, name));
  }

  /** @throws StorageProblem */
  async upload(
    asked: Asked,
    place: Place,
    request: Request,
    options: { upsert: boolean; owner: string | undefined; signed?: boolean },
  ): Promise<{ Id: string; Key: string }> {
    checkBucketName(place.bucket);
    const bucket = await this.#sessions.run(asked, service, (sql) => bucketOf(sql, place.bucket));
    const limit = Math.min(bucket.file_size_limit ?? this.#maxBytes, this.#maxBytes);
    const upload = await uploadOf(request, place.name, bucket.allowed_mime_types ?? [], limit);
    checkKey(place.name);
    const length = Number(request.headers.get("content-length") ?? Number.NaN);
    const wanted: NewObject = {
      ...place,
      version: randomUUID(),
      owner: options.owner,
      metadata: {
        mimetype: upload.mimetype,
        ...(Number.isFinite(length) && { contentLength: length }),
      },
      userMetadata: upload.userMetadata,
    };
    const claims = options.signed ? service : asked.claims;
    await this.#mayWrite({ ...asked, claims }, wanted, options.upsert);
    const row = await this.#write(asked, wanted, upload);
    return { Id: row.id, Key: `${place.bucket}/${place.name}` };
  }

  /** Whether the caller may put an object there. @throws StorageProblem */
  async mayUpload(asked: Asked, place: Place, upsert: boolean): Promise<void> {
    checkKey(place.name);
    await this.#sessions.run(asked, service, (sql) => bucketOf(sql, place.bucket));
    const owner = asked.claims.sub;
    const wanted = { ...place, version: "1", owner, metadata: {}, userMetadata: undefined };
    await this.#mayWrite(asked, wanted, upsert);
  }

  /** @returns the deleted objects, without those that the caller may not delete. */
  async remove(asked: Asked, bucket: string, names: string[]): Promise<ObjectRow[]> {
    checkBucketName(bucket);
    const gone = await this.#sessions.run(asked, asked.claims, (sql) =>
      deleteObjects(sql, bucket, names),
    );
    await this.#files.remove(gone.map((row) => row.version));
    return gone;
  }

  /** @throws StorageProblem */
  async removeOne(asked: Asked, { bucket, name }: Place): Promise<void> {
    checkBucketName(bucket);
    await this.#sessions.run(asked, service, (sql) => objectOf(sql, bucket, name));
    const [gone] = await this.remove(asked, bucket, [name]);
    if (!gone) throw problems.denied("Access denied");
  }

  /** @throws StorageProblem */
  async move(asked: Asked, from: Place, to: Place): Promise<ObjectRow> {
    checkBucketName(from.bucket);
    checkBucketName(to.bucket);
    checkKey(to.name);
    const version = randomUUID();
    await this.#sessions.tryOut(asked, async (sql) => {
      await objectOf(sql, from.bucket, from.name);
      await moveObject(sql, from, { ...to, version });
    });
    const before = await this.#sessions.run(asked, service, (sql) =>
      objectOf(sql, from.bucket, from.name),
    );
    if (from.bucket === to.bucket && from.name === to.name) return before;
    const moved = await this.#withFile(before.version, version, () =>
      this.#sessions.run(asked, service, (sql) => moveObject(sql, from, { ...to, version })),
    );
    await this.#files.remove([before.version]);
    return moved;
  }

  /** @throws StorageProblem */
  async copy(
    asked: Asked,
    from: Place,
    to: Place,
    options: {
      upsert: boolean;
      /** The metadata of the copy, if it should differ from the metadata of the original. */
      own?: { metadata: object; userMetadata: Record<string, unknown> | undefined } | undefined;
    },
  ): Promise<ObjectRow> {
    checkBucketName(from.bucket);
    checkBucketName(to.bucket);
    checkKey(to.name);
    const origin = await this.#sessions.run(asked, asked.claims, (sql) =>
      objectOf(sql, from.bucket, from.name),
    );
    const wanted: NewObject = {
      ...to,
      version: randomUUID(),
      owner: asked.claims.sub,
      metadata: { ...origin.metadata, ...options.own?.metadata },
      userMetadata: options.own ? options.own.userMetadata : origin.user_metadata,
    };
    await this.#mayWrite(asked, wanted, options.upsert);
    return this.#withFile(origin.version, wanted.version, () =>
      this.#put(asked, {
        ...wanted,
        metadata: { ...wanted.metadata, lastModified: new Date().toISOString() },
      }),
    );
  }

  async #mayWrite(asked: Asked, wanted: NewObject, upsert: boolean): Promise<void> {
    await this.#sessions.tryOut(asked, async (sql) => {
      await (upsert ? upsertObject(sql, wanted) : insertObject(sql, wanted));
    });
  }

  async #write(asked: Asked, wanted: NewObject, upload: Upload): Promise<ObjectRow> {
    const { size, eTag } = await this.#files.write(wanted.version, upload.body, upload.limit);
    const metadata: Metadata = {
      eTag,
      size,
      mimetype: upload.mimetype,
      cacheControl: upload.cacheControl,
      lastModified: new Date().toISOString(),
      contentLength: size,
      httpStatusCode: 200,
    };
    return this.#put(asked, { ...wanted, metadata }).catch(async (error: unknown) => {
      await this.#files.remove([wanted.version]);
      throw error;
    });
  }

  /** Writes the row of an existing file, and removes the file of the object that it replaces. */
  async #put(asked: Asked, wanted: NewObject): Promise<ObjectRow> {
    const { before, row } = await this.#sessions.run(asked, service, async (sql) => {
      await sql`select pg_advisory_xact_lock(hashtextextended(${`${wanted.bucket}/${wanted.name}`}, 0))`;
      const before = await findObject(sql, wanted.bucket, wanted.name);
      return { before, row: await upsertObject(sql, wanted) };
    });
    if (before) await this.#files.remove([before.version]);
    return row;
  }

  async #withFile<T>(version: string, copy: string, work: () => Promise<T>): Promise<T> {
    await this.#files.copy(version, copy);
    try {
      return await work();
    } catch (error) {
      await this.#files.remove([copy]);
      throw error;
    }
  }
}
