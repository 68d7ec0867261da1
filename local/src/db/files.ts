/**
 * The file system that PGlite finds when it starts. PGlite itself would use streams, blobs and a
 * path lookup for each file, and compile every extension at once, which took half of the start.
 * Here, files in memory are views of the archives, and an extension is compiled when it is first
 * used.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { Extension, Extensions } from "@electric-sql/pglite";

/** Where PGlite keeps the cluster, and the prefix with which it was built. */
const DATA = "/pglite/data";
const PREFIX = "/pglite";

const BLOCK = 512;
/** The size of a page of the write-ahead log. Postgres reads whole pages. */
const WAL_PAGE = 8_192;
const isSegment = /\/pg_wal\/[0-9A-F]{24}$/;

/** A node of Emscripten's MEMFS. */
interface Node {
  mode: number;
  contents: Record<string, Node> | Uint8Array | null;
  usedBytes: number;
  node_ops: { mknod(parent: Node, name: string, mode: number, dev: number): Node };
}
/** The parts of Emscripten's FS that the types leave out. */
export interface Files {
  mkdirTree(path: string): void;
  lookupPath(path: string): { node: Node };
  isDir(mode: number): boolean;
}
interface EmscriptenOptions {
  preRun: ((module: { FS: Files }) => void)[];
}

/**
 * An extension of PGlite that adds all other extensions, and the cluster of the template if there is
 * one.
 */
export function filesOf(extensions: Extensions, template: Uint8Array | undefined): Extension {
  return {
    name: "files",
    async setup(pg, options: EmscriptenOptions) {
      const bundles: Uint8Array[] = [];
      for (const extension of Object.values(extensions)) {
        const url =
          extension instanceof URL ? extension : (await extension.setup(pg, options)).bundlePath;
        if (url) bundles.push(gunzipSync(readFileSync(url)));
      }
      const fill = ({ FS }: { FS: Files }) => {
        for (const bundle of bundles) unpack(FS, bundle, PREFIX);
        if (template) unpack(FS, template, DATA);
      };
      return { emscriptenOpts: { ...options, preRun: [...options.preRun, fill] } };
    },
  };
}

/** Each file becomes a view of the archive, so writes to it go to the archive. */
function unpack(files: Files, tar: Uint8Array, folder: string): void {
  const folders = new Map<string, Node>();
  const folderAt = (path: string): Node => {
    const known = folders.get(path);
    if (known) return known;
    files.mkdirTree(path);
    const { node } = files.lookupPath(path);
    folders.set(path, node);
    return node;
  };
  for (const { name, mode, type, data } of entriesOf(tar)) {
    const path = `${folder}/${name.replace(/^\.?\/+/, "")}`.replace(/\/+$/, "");
    if (type === "5") folderAt(path);
    else {
      const slash = path.lastIndexOf("/");
      const parent = folderAt(path.slice(0, slash));
      const node = parent.node_ops.mknod(parent, path.slice(slash + 1), 0o100000 | mode, 0);
      node.contents = data;
      node.usedBytes = data.length;
    }
  }
}

interface Entry {
  name: string;
  mode: number;
  type: string;
  data: Uint8Array;
}

function* entriesOf(tar: Uint8Array): Generator<Entry> {
  const bytes = Buffer.from(tar.buffer, tar.byteOffset, tar.byteLength);
  const text = (from: number, length: number) => {
    const end = bytes.indexOf(0, from);
    return bytes.toString("latin1", from, end < 0 ? from + length : Math.min(end, from + length));
  };
  for (let at = 0; at + BLOCK <= bytes.length && bytes[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8) || 0;
    const type = text(at + 156, 1) || "0";
    const before = text(at + 257, 5) === "ustar" ? text(at + 345, 155) : "";
    const name = before ? `${before}/${text(at, 100)}` : text(at, 100);
    if (type !== "0" && type !== "5")
      throw new Error(`${name} in the archive is neither a file nor a folder.`);
    const mode = Number.parseInt(text(at + 100, 8), 8) & 0o777;
    const start = at + BLOCK;
    yield {
      name,
      mode,
      type: name.endsWith("/") ? "5" : type,
      data: tar.subarray(start, start + size),
    };
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
}

/**
 * The cluster as a tar. Of each segment of the write-ahead log, it has only the part that was
 * written.
 */
export function pack(files: Files): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  const add = (path: string, node: Node): void => {
    const isFolder = files.isDir(node.mode);
    const data = isFolder ? new Uint8Array() : contentOf(path, node);
    const header = Buffer.alloc(BLOCK);
    header.write(path, 0, "latin1");
    header.write(`${(node.mode & 0o777).toString(8).padStart(7, "0")}\0`, 100, "latin1");
    header.write(`${data.length.toString(8).padStart(11, "0")}\0`, 124, "latin1");
    // While the checksum of the header is computed, the field for the checksum must contain spaces.
    header.write("        ", 148, "latin1");
    header.write(isFolder ? "5" : "0", 156, "latin1");
    header.write("ustar\x0000", 257, "latin1");
    const sum = header.reduce((all, byte) => all + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
    parts.push(header, data, new Uint8Array(-data.length & (BLOCK - 1)));
    if (isFolder) addAll(path, node);
  };
  const addAll = (path: string, node: Node): void => {
    for (const [name, child] of Object.entries(node.contents as Record<string, Node>))
      add(`${path}/${name}`, child);
  };
  addAll("", files.lookupPath(DATA).node);
  parts.push(new Uint8Array(2 * BLOCK));
  return new Uint8Array(Buffer.concat(parts));
}

function contentOf(path: string, node: Node): Uint8Array {
  // A new file's content is an Int8Array, because it is written from the memory of the backend.
  const whole = node.contents as Uint8Array | Int8Array | null;
  if (!whole) return new Uint8Array();
  const content = new Uint8Array(whole.buffer, whole.byteOffset, node.usedBytes);
  if (!isSegment.test(path)) return content;
  let end = content.length;
  while (end > 0 && content[end - 1] === 0) end--;
  return content.subarray(0, Math.ceil(end / WAL_PAGE) * WAL_PAGE);
}
