import type { FromRow } from "../link/rows.ts";

/** @internal */
export interface ArtifactRow {
  id: string;
  team: string | null;
  name: string;
  version: number;
  media_type: string;
  size: number;
  sha256: string;
  metadata: Record<string, unknown>;
  status: "writing" | "stored";
  path: string;
  created_by: string | null;
  created_at: string;
}

/**
 * A version of a file. `path` is where it is in the bucket `mayfly` of the project's Storage.
 *
 * @interface
 */
export type Artifact = FromRow<ArtifactRow>;

/** What is stored: a text, bytes, or anything with a type of its own. */
export type ArtifactData = string | Uint8Array | ArrayBuffer | Blob;

/** What a file is stored with. */
export interface PutArtifact {
  /** Such as `text/markdown`; that of the Blob, or `text/plain` and `application/octet-stream`. */
  mediaType?: string;
  metadata?: Record<string, unknown>;
}

/** Which file is read: the newest version by default. */
export interface GetArtifact {
  version?: number;
}

/** Where the next page begins: behind this artifact. */
export interface ListArtifacts {
  after?: Pick<Artifact, "name" | "version">;
  /** 100 by default, at most 1,000. */
  limit?: number;
}

/** A file with what is in it. */
export interface StoredFile {
  artifact: Artifact;
  data: Blob;
}

/** What stands in a job's result, a message or a memory instead of a file. */
export interface ArtifactRef {
  artifact: string;
  size: number;
}
