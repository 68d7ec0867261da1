/**
 * The thread in which PGlite runs. This code drives the backend's main loop itself instead of using
 * PGlite's `execProtocolRaw`. In version 0.4.5, that function swallows every exception except the
 * longjmp of an error. So a backend that has exited spins forever, and a failed write may be
 * acknowledged. The function also parses every response and keeps the parsed messages. Writes go
 * directly to the folder (NODEFS buffers nothing), so everything that was answered survives SIGKILL
 * without a sync step.
 */
import { readFileSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { PGlite } from "@electric-sql/pglite";
import { confine } from "./confine.ts";
import { extensions } from "./extensions.ts";
import { type Files, filesOf, pack } from "./files.ts";
import { holdPrefix } from "./hold-prefix.ts";
import { LockWaits, lockWaitSettings } from "./lock-waits.ts";
import { code, firstError, literal, message, query, rows, sync } from "./protocol.ts";
import { guardStack, type StackModule } from "./stack.ts";
import type { Booted, Reply, Request, WorkerOptions } from "./worker-types.ts";

const LONGJMP = 100;
const port = parentPort;
if (!port) throw new Error("The database worker was started outside a worker thread.");
const options = workerData as WorkerOptions;

const inMemory = options.pgdata === undefined;
const template =
  typeof options.template === "string" ? readFileSync(options.template) : options.template;

const lockWaits = new LockWaits();
const create = () =>
  PGlite.create({
    ...(inMemory ? {} : { dataDir: options.pgdata as string }),
    // If the cluster is in a folder, PGlite copies the template there itself.
    ...(!inMemory && template ? { loadDataDir: new Blob([template]) } : {}),
    extensions: { files: filesOf(extensions, inMemory ? template : undefined) },
    startParams: [
      ...["--single", "-F", "-O", "-j"],
      ...["exit_on_error=false", "log_checkpoints=false", "timezone=UTC"].flatMap((s) => ["-c", s]),
      ...["max_worker_processes=0", "max_parallel_workers=0"].flatMap((s) => ["-c", s]),
      ...["-c", "max_parallel_workers_per_gather=0"],
      ...lockWaitSettings.flatMap((s) => ["-c", s]),
      // The cached pages are in memory anyway, and zeroing the usual 128 MB took a third of a
      // start.
      ...(inMemory ? ["-c", "shared_buffers=16MB"] : []),
    ],
  });
const pg = await lockWaits.instrument(create, ({ Module }) => Module.HEAPU8);
// Members that the types leave out.
const mod = pg.Module as typeof pg.Module & StackModule;
const stackBase = mod.___stack_pointer.value;
const isLongJump = (error: unknown) => (error as { status?: number }).status === LONGJMP;

let input: Uint8Array = Buffer.alloc(0);
let offset = 0;
let output: Buffer[] = [];
/** Set while a batch runs. Gives data to the backend if it asks for more than the batch contains. */
let onStarved: Uint8Array = Buffer.alloc(0);

const readCallback = mod.addFunction((target: number, room: number) => {
  // Only COPY FROM STDIN asks for more. An end of file here would end the backend.
  if (offset >= input.length) {
    input = onStarved;
    offset = 0;
  }
  const size = Math.min(room, input.length - offset);
  mod.HEAPU8.set(input.subarray(offset, offset + size), target);
  offset += size;
  return size;
}, "iii");
const writeCallback = mod.addFunction((source: number, size: number) => {
  output.push(Buffer.from(mod.HEAPU8.slice(source, source + size).buffer));
  return size;
}, "iii");
mod._pgl_set_rw_cbs(readCallback, writeCallback);

function begin(bytes: Uint8Array): void {
  input = bytes;
  offset = 0;
  output = [];
}

function execute(bytes: Uint8Array): Buffer {
  begin(bytes);
  const extended = bytes[0] !== code("Q");
  onStarved = Buffer.concat([message("f", "COPY FROM STDIN refused"), ...(extended ? [sync] : [])]);
  while (offset < input.length || mod._pq_buffer_remaining_data() > 0) {
    try {
      mod._PostgresMainLoopOnce();
    } catch (error) {
      if (!isLongJump(error)) throw error;
      // The jump skips the functions that would have freed their parts of the stack, so this frees
      // them.
      mod.___stack_pointer.value = stackBase;
      mod._PostgresMainLongJmp();
    }
  }
  mod._PostgresSendReadyForQueryIfNecessary();
  mod._pgl_pq_flush();
  return Buffer.concat(output);
}

/** The startup packet turns on the backend's ParameterStatus reports. */
function startup(): void {
  const body = Buffer.from("\0\x03\0\0user\0supabase_admin\0database\0postgres\0\0");
  const packet = Buffer.alloc(4 + body.length);
  packet.writeInt32BE(packet.length);
  body.copy(packet, 4);
  begin(packet);
  if (mod._ProcessStartupPacket(mod._pgl_getMyProcPort(), true, true) !== 0) {
    throw new Error("The embedded database refused its startup packet.");
  }
  mod._pgl_sendConnData();
  mod._pgl_pq_flush();
}

function must(sql: string): Buffer {
  const answer = execute(query(sql));
  const error = firstError(answer);
  if (error) throw new Error(`The embedded database could not be prepared: ${error.message}.`);
  return answer;
}

startup();
if (!guardStack(mod, isLongJump)) {
  throw new Error("The base of the stack was not found in this build of PGlite.");
}
// Transactions that are still held, because a process was killed between their broadcasts and their
// commits.
const held = rows(must("select gid from pg_prepared_xacts"))
  .map(([gid]) => gid ?? "")
  .filter((gid) => gid.startsWith(holdPrefix));
for (const gid of held) must(`commit prepared ${literal(gid)}`);
for (const sql of options.prepare) must(sql);
const { confined } = confine(() => mod.HEAPU8, execute);
const version = rows(must("show server_version"))[0]?.[0] ?? "";

const plain = (bytes: Buffer): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);

port.on("message", async (request: Request) => {
  if (request.kind === "close") {
    await pg.close().catch(() => undefined);
    if (request.pack) {
      const body = pack(mod.FS as unknown as Files);
      port.postMessage({ body } satisfies Reply, [body.buffer]);
      // Posted messages have to leave before the thread ends.
      port.close();
      return;
    }
    process.exit(0);
  }
  if (request.kind === "dump") {
    must("checkpoint");
    const dump = new Uint8Array(await (await pg.dumpDataDir("none")).arrayBuffer());
    port.postMessage({ body: dump } satisfies Reply, [dump.buffer]);
    return;
  }
  const prologue = request.prologue && plain(execute(request.prologue));
  if (prologue && firstError(Buffer.from(prologue.buffer))) {
    port.postMessage({ prologue } satisfies Reply, [prologue.buffer]);
    return;
  }
  const run = () => execute(request.body);
  const body = plain(request.confined ? confined(run) : run());
  await lockWaits.settle();
  port.postMessage({ ...(prologue && { prologue }), body } satisfies Reply, [
    ...(prologue ? [prologue.buffer] : []),
    body.buffer,
  ]);
});
port.postMessage({ version } satisfies Booted);
