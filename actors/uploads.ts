import { randomUUID } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { HaystackError, machineFault, toHaystackError, type ErrorCode } from "../errors.ts";
import type { AtlasIndex } from "../science/atlas/atlas-index.ts";
import type { Clock } from "../services/clock/index.ts";
import type { Compute } from "../services/compute/index.ts";
import { unfinishedName } from "../unfinished.ts";
import type { AtlasCatalogue } from "./atlas-catalogue.ts";
import { createBackground } from "./supervisor/background.ts";
import type { Tasks } from "./tasks.ts";
import { gigabytes, hasSignature, writePiece } from "./upload-pieces.ts";

/**
 * Files that administrators send here to be imported as atlases.
 *
 * Owns: the folder of each file until it is imported, thrown away or left alone.
 * Does not own: the atlases.
 * 1. A file comes in pieces, each where the last ended: memory holds one piece of each file, and one
 *    that breaks off may be sent again from there.
 * 2. A file that nothing comes for any more goes by itself, as does one that is no AnnData or that
 *    the disk has no room for. The folder of a process that was killed is litter (unfinished.ts).
 * 3. Files are known to the daemon that they were sent to, until it stops.
 */
export interface Uploads {
  list(): readonly Upload[];
  /** Errors: USAGE, LIMIT_EXCEEDED, QUOTA_REACHED, DISK_FULL. */
  begin(file: {
    readonly name: string;
    readonly bytes: number;
    readonly by: string;
  }): Promise<Upload>;
  /** Errors: UPLOAD_NOT_FOUND, UPLOAD_STATE_FORBIDS, DISK_FULL, FILE_NOT_HDF5. */
  append(id: string, offset: number, piece: Uint8Array): Promise<Upload>;
  /** What the whole file holds, and how an import would read it. Errors: those of the file. */
  inspect(id: string): Promise<Inspected>;
  /** Resolves when the atlas is there. Errors: those of the file and of its import. */
  import(id: string, options: UploadImport): Promise<AtlasIndex>;
  /** Error UPLOAD_NOT_FOUND. */
  discard(id: string): Promise<void>;
  close(): Promise<void>;
}

export interface Upload {
  readonly id: string;
  /** Of the file, without a folder. */
  readonly name: string;
  readonly bytes: number;
  readonly received: number;
  readonly state: "receiving" | "received" | "importing" | "imported";
  readonly by: string;
  /** Milliseconds: of the last piece, or since when it is imported. */
  readonly since: number;
  /** The atlas that it became, or is becoming. */
  readonly dataset: string | null;
  /** Why the last import failed. */
  readonly error: { readonly code: ErrorCode; readonly message: string } | null;
}

export type Inspected = Awaited<ReturnType<Tasks["inspectFile"]>>;
export type UploadImport = Omit<Parameters<AtlasCatalogue["import"]>[0], "source">;

export interface UploadsOptions {
  readonly folder: string;
  readonly mostBytes: number;
  readonly atlases: Pick<AtlasCatalogue, "import">;
  readonly compute: Pick<Compute<Tasks>, "run">;
  readonly clock: Clock;
  /** That may still be written in the folder; undefined where the machine does not say. */
  readonly freeBytes: (folder: string) => number | undefined;
  readonly onTrouble: (error: HaystackError) => void;
}

type Mutable<Kind> = { -readonly [Key in keyof Kind]: Kind[Key] };
interface Held {
  readonly upload: Mutable<Upload>;
  readonly folder: string;
  readonly ended: AbortController;
  isBusy: boolean;
  inspected?: Promise<Inspected> | undefined;
}

/** Files that are here at once. */
const MOST_UPLOADS = 4;
/** Without a piece for so long the sender is gone. */
const SILENT_MS = 120_000;
/** For so long a file waits for the answers of its import, and what became of it is told. */
const KEPT_MS = 24 * 3_600_000;
const SWEEP_MS = 30_000;
const NAME = /^[^/\\\p{C}]{1,195}\.h5ad$/iu;

export function createUploads(options: UploadsOptions): Uploads {
  const { folder, mostBytes, atlases, compute, clock, freeBytes, onTrouble } = options;
  const held = new Map<string, Held>();
  const background = createBackground(clock, onTrouble, () => 0);

  const forbidden = ({ upload }: Held, sentence: string): HaystackError =>
    new HaystackError("UPLOAD_STATE_FORBIDS", `${upload.name} ${sentence}`, {
      details: { received: upload.received, state: upload.state },
    });
  const find = (id: string): Held => {
    const found = held.get(id);
    if (found !== undefined) return found;
    throw new HaystackError(
      "UPLOAD_NOT_FOUND",
      "There is no such upload at this daemon (it may have been left alone for too long); send the file anew.",
    );
  };
  const pathOf = ({ folder: own, upload }: Held): string => join(own, upload.name);
  /** What stays is litter once this process has ended. */
  const removeFolder = async ({ folder: own, upload }: Held): Promise<void> => {
    try {
      await rm(own, { recursive: true, force: true });
    } catch (thrown) {
      const { code, message } = toHaystackError(thrown);
      const sentence = `What was sent of ${upload.name} cannot be removed: ${message}`;
      onTrouble(new HaystackError(code, sentence, { cause: thrown }));
    }
  };
  const forget = async (each: Held): Promise<void> => {
    held.delete(each.upload.id);
    each.ended.abort();
    await removeFolder(each);
  };
  /** Sentences name the file as its sender does. */
  const told = (each: Held, thrown: unknown): HaystackError => {
    const error = toHaystackError(thrown);
    return new HaystackError(error.code, error.message.replaceAll(`${each.folder}/`, ""), {
      cause: thrown,
      ...(error.details === undefined ? {} : { details: error.details }),
    });
  };
  /** Does one thing with a file at a time. */
  const alone = async <Result>(each: Held, work: () => Promise<Result>): Promise<Result> => {
    if (each.isBusy) throw forbidden(each, "is being worked on; wait until that is done.");
    each.isBusy = true;
    try {
      return await work();
    } catch (thrown) {
      throw told(each, thrown);
    } finally {
      each.isBusy = false;
    }
  };
  const read = async (each: Held): Promise<Inspected> => {
    try {
      return await compute.run("inspectFile", { file: pathOf(each) }, each.ended.signal);
    } catch (thrown) {
      const { code } = toHaystackError(thrown);
      if (code.startsWith("FILE_") || code.startsWith("ANNDATA_")) await forget(each);
      throw thrown;
    }
  };
  const checkWhole = (each: Held): void => {
    const { state } = each.upload;
    if (state === "receiving") throw forbidden(each, "is not whole yet; send the rest of it.");
    if (state !== "received") throw forbidden(each, `is ${state} already.`);
  };

  background.every(SWEEP_MS, async () => {
    for (const each of held.values()) {
      const { state, since } = each.upload;
      const most = state === "receiving" ? SILENT_MS : KEPT_MS;
      if (!each.isBusy && state !== "importing" && clock.now() - since > most) await forget(each);
    }
  });

  return {
    list: () => Array.from(held.values(), ({ upload }) => ({ ...upload })),
    async begin({ name, bytes, by }) {
      if (!NAME.test(name))
        throw new HaystackError(
          "USAGE",
          "The name of the file must end in .h5ad; choose an AnnData file.",
        );
      if (bytes > mostBytes)
        throw new HaystackError(
          "LIMIT_EXCEEDED",
          mostBytes === 0
            ? "This server takes no uploads; import the file by `haystack atlas import` where the daemon runs."
            : `${name} has ${gigabytes(bytes)}, and this server takes ${gigabytes(mostBytes)}; import it by \`haystack atlas import\`, or raise HTTP_UPLOAD_GB.`,
        );
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const others = [...held.values()].filter(({ upload }) => upload.state !== "imported");
      if (others.length >= MOST_UPLOADS)
        throw new HaystackError(
          "QUOTA_REACHED",
          `${others.length} uploads are under way, the most there may be; import them or throw one away first.`,
        );
      const free = freeBytes(folder) ?? Number.POSITIVE_INFINITY;
      const awaited = others.reduce(
        (all, { upload }) => all + upload.bytes - upload.received,
        bytes,
      );
      if (awaited > free)
        throw new HaystackError(
          "DISK_FULL",
          `The disk of the server has ${gigabytes(free)} left, too little for ${name} (${gigabytes(bytes)}); free some space.`,
        );
      const id = randomUUID();
      const each: Held = {
        folder: join(folder, unfinishedName()),
        ended: new AbortController(),
        isBusy: false,
        upload: {
          id,
          name,
          bytes,
          received: 0,
          state: "receiving",
          by,
          since: clock.now(),
          dataset: null,
          error: null,
        },
      };
      held.set(id, each);
      try {
        await mkdir(each.folder, { mode: 0o700 });
      } catch (thrown) {
        held.delete(id);
        throw machineFault(thrown, `Making a folder for ${name}`) ?? thrown;
      }
      return { ...each.upload };
    },
    async append(id, offset, piece) {
      const each = find(id);
      const { upload } = each;
      return alone(each, async () => {
        if (upload.state !== "receiving") throw forbidden(each, "is whole already.");
        if (offset !== upload.received || offset + piece.length > upload.bytes)
          throw forbidden(
            each,
            `has come as far as byte ${upload.received} of ${upload.bytes}; go on from there.`,
          );
        try {
          await writePiece(pathOf(each), piece, offset);
        } catch (thrown) {
          // A file that was thrown away meanwhile is gone.
          if (held.get(id) !== each) find(id);
          await forget(each);
          throw machineFault(thrown, `Writing ${upload.name}`) ?? thrown;
        }
        if (held.get(id) !== each) find(id);
        upload.received += piece.length;
        upload.since = clock.now();
        if (offset === 0 && !hasSignature(piece)) await read(each);
        if (upload.received === upload.bytes) upload.state = "received";
        return { ...upload };
      });
    },
    inspect: async (id) => {
      const each = find(id);
      checkWhole(each);
      // Whoever looks at the same time looks at the same.
      each.inspected ??= read(each);
      try {
        return await each.inspected;
      } catch (thrown) {
        each.inspected = undefined;
        throw told(each, thrown);
      }
    },
    async import(id, asked) {
      const each = find(id);
      const { upload } = each;
      return alone(each, async () => {
        checkWhole(each);
        const dataset = asked.dataset ?? upload.name.replace(/\.h5ad$/i, "");
        for (const other of held.values())
          if (other.upload.state === "importing" && other.upload.dataset === dataset)
            throw forbidden(
              each,
              `cannot become ${dataset}: another file just does; name it otherwise.`,
            );
        Object.assign(upload, { state: "importing", since: clock.now(), dataset, error: null });
        try {
          const source = pathOf(each);
          const index = await atlases.import({ ...asked, dataset, source }, each.ended.signal);
          upload.state = "imported";
          await removeFolder(each);
          return index;
        } catch (thrown) {
          const { code, message } = told(each, thrown);
          Object.assign(upload, { state: "received", dataset: null, error: { code, message } });
          throw thrown;
        } finally {
          upload.since = clock.now();
        }
      });
    },
    async discard(id) {
      await forget(find(id));
    },
    async close() {
      await background.stop();
      for (const each of held.values()) await forget(each);
    },
  };
}
