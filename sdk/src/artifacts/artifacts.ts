import { maxResultBytes, resultType } from "../contract/artifact-bounds.ts";
import { failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import { Files } from "../link/files.ts";
import type { Link } from "../link/link.ts";
import { fromRow } from "../link/rows.ts";
import { artifactRow, artifactRows, pathList, removedRow } from "./answers.ts";
import type {
  Artifact,
  ArtifactData,
  ArtifactRef,
  GetArtifact,
  ListArtifacts,
  PutArtifact,
  StoredFile,
} from "./types.ts";

/**
 * Files of the tenant, by name and version, in the project's Storage. A version is never replaced,
 * and its content is checked when it is read.
 */
export class Artifacts {
  readonly #link: Link;
  readonly #files: Files;
  readonly #team: string | undefined;

  /**
   * @internal
   * @param team the team that owns the files. By default, they belong to the tenant.
   */
  constructor(link: Link, team?: string) {
    this.#link = link;
    this.#files = new Files(link.client);
    this.#team = team;
  }

  /** The files of a team. They stay after the team has ended. */
  of(team: string): Artifacts {
    return new Artifacts(this.#link, idOf(team));
  }

  /**
   * Stores a file as the next version of its name. Nobody sees it before it is complete. Its bytes
   * count towards the tenant's `maxBytes`. Needs `artifact:write`.
   *
   * @returns `quota_exceeded`, `not_configured` if the project has no Storage, `invalid_request` if the file
   * is larger than the project allows.
   * @example
   * const { data: report } = await mayfly.artifacts.put("report.md", "# All well");
   * console.log(report?.version); // 1
   */
  async put(
    name: string,
    data: ArtifactData,
    options: PutArtifact = {},
  ): Promise<Result<Artifact>> {
    const body = blobOf(data, options.mediaType);
    const begun = await this.#link.rpc(
      "begin_artifact",
      {
        name,
        media_type: body.type,
        size: body.size,
        sha256: await digestOf(body),
        team: this.#team,
        metadata: options.metadata,
      },
      artifactRow,
    );
    if (begun.error) return begun;
    const { id, path } = begun.data;
    const written = await this.#files.write(path, body, body.type);
    if (written.error) return written;
    const finished = await this.#link.rpc("finish_artifact", { id }, artifactRow);
    return finished.error ? finished : ok(fromRow(finished.data));
  }

  /**
   * Reads a file with its content, the newest version by default. Needs `artifact:read`.
   *
   * @returns `artifact_unknown`; `artifact_damaged` if Storage returns other bytes than were
   * stored.
   * @example
   * const { data: report } = await mayfly.artifacts.get("report.md");
   * console.log(await report?.data.text());
   */
  async get(name: string, { version }: GetArtifact = {}): Promise<Result<StoredFile>> {
    const found = await this.#one({ name, version, team: this.#team });
    return found.error ? found : this.#read(found.data);
  }

  /** Reads the file with this id, even if it belongs to a team. The errors are those of `get`. */
  async open(id: string): Promise<Result<StoredFile>> {
    const found = await this.#one({ id: idOf(id) });
    return found.error ? found : this.#read(found.data);
  }

  /** Lists the newest version of each name, sorted by name. Needs `artifact:read`. */
  list(options: ListArtifacts = {}): Promise<Result<Artifact[]>> {
    return this.#list({}, options);
  }

  /** Lists the versions of a name, newest first. Needs `artifact:read`. */
  versions(name: string, options: ListArtifacts = {}): Promise<Result<Artifact[]>> {
    return this.#list({ name, versions: true }, options);
  }

  /** Returns a URL with which anyone can download the file, for this many seconds. Needs `artifact:read`. */
  async url(
    name: string,
    { version, seconds = 3600 }: GetArtifact & { seconds?: number } = {},
  ): Promise<Result<string>> {
    const found = await this.#one({ name, version, team: this.#team });
    return found.error ? found : this.#files.sign(found.data.path, seconds, name);
  }

  /**
   * Removes all versions of a name, or one. Needs `artifact:write`. @returns how many were removed.
   */
  async remove(name: string, { version }: GetArtifact = {}): Promise<Result<number>> {
    let removed = 0;
    for (;;) {
      const values = { name, version, team: this.#team };
      const answer = await this.#link.rpc("remove_artifacts", values, removedRow);
      if (answer.error) return answer;
      const { paths } = answer.data;
      removed += paths.length;
      if (paths.length === 0) return ok(removed);
      const gone = await this.#files.remove(paths);
      if (gone.error) return gone;
    }
  }

  /**
   * Removes every artifact of the tenant, for example before it is erased. For people and the
   * secret key.
   */
  async removeAll(): Promise<Result<number>> {
    let removed = 0;
    for (;;) {
      const values = { everything: true };
      const answer = await this.#link.rpc("remove_artifacts", values, removedRow);
      if (answer.error) return answer;
      removed += answer.data.removed;
      if (answer.data.removed === 0) break;
    }
    const swept = await this.sweep();
    return swept.error ? swept : ok(removed);
  }

  /**
   * Deletes files in Storage that no longer have an artifact. They are left over from an interrupted
   * `remove`, an upload that never ended, or an erased tenant. With the secret key and no tenant, it sweeps
   * all tenants.
   *
   * @returns how many were deleted.
   */
  async sweep(): Promise<Result<number>> {
    let swept = 0;
    for (let last = ""; ; ) {
      const due = await this.#link.rpc("sweep_files", {}, pathList);
      if (due.error) return due;
      const [first] = due.data;
      // Files that could not be deleted are left for the next sweep.
      if (first === undefined || first === last) return ok(swept);
      last = first;
      const gone = await this.#files.remove(due.data);
      if (gone.error) return gone;
      swept += due.data.length;
    }
  }

  /**
   * Resolves a reference to the JSON that it stands for, such as a result that was too large for its job.
   * Returns any other value unchanged. The errors are those of `get`.
   *
   * @example
   * const { data: job } = await mayfly.jobs.get(id);
   * const { data: result } = await mayfly.artifacts.resolve(job?.result);
   */
  async resolve<T = unknown>(value: unknown): Promise<Result<T>> {
    if (!isRef(value)) return ok(value as T);
    const found = await this.open(value.artifact);
    if (found.error) return found;
    return ok(JSON.parse(await found.data.data.text()) as T);
  }

  async #one(values: object): Promise<Result<Artifact>> {
    const answer = await this.#link.rpc("list_artifacts", values, artifactRows);
    if (answer.error) return answer;
    const [found] = answer.data;
    if (found) return ok(fromRow(found));
    const message = "There is no such artifact.";
    return failed(
      new MayflyError({
        code: "artifact_unknown",
        message,
        hint: null,
        details: { field: "name" },
      }),
    );
  }

  async #list(values: object, { after, limit }: ListArtifacts): Promise<Result<Artifact[]>> {
    const place = { after_name: after?.name, after_version: after?.version };
    const answer = await this.#link.rpc(
      "list_artifacts",
      { ...values, team: this.#team, ...place, page_limit: limit },
      artifactRows,
    );
    return answer.error ? answer : ok(answer.data.map(fromRow));
  }

  async #read(artifact: Artifact): Promise<Result<StoredFile>> {
    const read = await this.#files.read(artifact.path);
    if (read.error) return read;
    if ((await digestOf(read.data)) === artifact.sha256) return ok({ artifact, data: read.data });
    return failed(
      new MayflyError({
        code: "artifact_damaged",
        message: "Storage returned other bytes than were stored.",
        hint: "Read an earlier version, and check who writes to the bucket mayfly.",
        details: { field: "name" },
      }),
    );
  }
}

/**
 * A result in the form in which a row can store it. A result of more than 256 KB becomes an artifact, and the
 * row gets a reference to it.
 *
 * @param link called only for such a result. If it returns undefined, the result stays as it is, and the
 * database refuses the row.
 * @internal
 */
export async function fitting(
  link: () => Link | undefined,
  name: string,
  result: unknown,
  metadata: Record<string, unknown> = {},
): Promise<unknown> {
  const text = JSON.stringify(result);
  if (!isLarge(text)) return result;
  const to = link();
  if (!to) return result;
  const options = { mediaType: resultType, metadata };
  const { data, error } = await new Artifacts(to).put(name, text, options);
  if (error) throw error;
  return { artifact: data.id, size: data.size } satisfies ArtifactRef;
}

/** Whether JSON is larger than a row may hold. A character takes at most three bytes. */
export const isLarge = (text: string | undefined): text is string =>
  text !== undefined && text.length * 3 > maxResultBytes && byteLength(text) > maxResultBytes;

/** Whether a value is a reference to a file. */
export function isRef(value: unknown): value is ArtifactRef {
  const { artifact, size } = Object(value) as Record<string, unknown>;
  return typeof artifact === "string" && typeof size === "number";
}

const byteLength = (text: string) => new TextEncoder().encode(text).length;

function blobOf(data: ArtifactData, mediaType: string | undefined): Blob {
  const fallback = typeof data === "string" ? "text/plain" : "application/octet-stream";
  const own = data instanceof Blob ? data.type : "";
  return new Blob([data as BlobPart], { type: mediaType ?? (own || fallback) });
}

async function digestOf(body: Blob): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await body.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
