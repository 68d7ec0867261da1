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

/** The content to store: a text, bytes, or a Blob with its own type. */
export type ArtifactData = string | Uint8Array | ArrayBuffer | Blob;

/** Options of a file to store. */
export interface PutArtifact {
  /**
   * The media type, such as `text/markdown`. By default, it is the type of the Blob, `text/plain`
   * for a text, and `application/octet-stream` for bytes.
   */
  mediaType?: string;
  metadata?: Record<string, unknown>;
}

/** Which version to read. The newest by default. */
export interface GetArtifact {
  version?: number;
}

/** Which page to list. It begins after the artifact `after`. */
export interface ListArtifacts {
  after?: Pick<Artifact, "name" | "version">;
  /** 100 by default, at most 1,000. */
  limit?: number;
}

/** A file with its content. */
export interface StoredFile {
  artifact: Artifact;
  data: Blob;
}

/** A reference to a file, for a job's result, a message or a memory. */
export interface ArtifactRef {
  artifact: string;
  size: number;
}
