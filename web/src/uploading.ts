import { get, post, remove, request, type Refusal, type Upload } from "./api/client.ts";
import { pause, waitAfter } from "./api/patience.ts";
import { refusalOf } from "./loading.ts";

/** Bytes of the first piece; the next are longer while the line is quick, shorter while it is slow. */
const FIRST_PIECE = 1_048_576;
const SMALLEST_PIECE = 131_072;
const LARGEST_PIECE = 8_388_608;
const QUICK_MS = 2_000;
const SLOW_MS = 6_000;
const ATTEMPTS = 5;
const PAUSE_MS = 1_000;

const IMPORT = "/admin/uploads/{id}/import";

/** Sends a piece, again where the line or the daemon is away for a moment. */
async function sendPiece(
  id: string,
  offset: number,
  piece: Blob,
  signal: AbortSignal,
): Promise<Upload> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await request(`/admin/uploads/${id}/content?offset=${offset}`, {
        method: "PUT",
        headers: { "content-type": "application/octet-stream" },
        body: piece,
        signal,
      });
      return (await answer.json()) as Upload;
    } catch (thrown) {
      const { code, mayPass, retryAfter } = refusalOf(thrown);
      if (signal.aborted || attempt === ATTEMPTS) throw thrown;
      // What came before may have arrived, and only its answer was lost; or it is still arriving.
      const isBehind = attempt > 1 && code === "UPLOAD_STATE_FORBIDS";
      if (!mayPass && !isBehind) throw thrown;
      const stands = isBehind ? await standing(id, signal) : undefined;
      if (stands !== undefined && stands.received > offset) return stands;
      await pause(waitAfter(retryAfter, PAUSE_MS * attempt), signal);
    }
  }
}

/** How far the daemon has got with the file; undefined where it has it no longer. */
async function standing(id: string, signal: AbortSignal): Promise<Upload | undefined> {
  const { uploads } = await get("/admin/uploads", { signal });
  return uploads.find((upload) => upload.id === id);
}

/**
 * Sends a file piece by piece; what breaks off is thrown away at the daemon. `onProgress` is told
 * what has arrived.
 */
export async function sendFile(
  file: File,
  signal: AbortSignal,
  onProgress: (upload: Upload) => void,
): Promise<Upload> {
  let upload: Upload = await post("/admin/uploads", {
    body: { name: file.name, bytes: file.size },
  });
  const { id } = upload;
  // A page that is left says so; the request outlives it.
  const leave = (): void =>
    void request(`/admin/uploads/${id}`, { method: "DELETE", keepalive: true }).catch(
      () => undefined,
    );
  addEventListener("pagehide", leave);
  try {
    onProgress(upload);
    for (let size = FIRST_PIECE; upload.state === "receiving";) {
      const from = performance.now();
      const { received } = upload;
      upload = await sendPiece(id, received, file.slice(received, received + size), signal);
      onProgress(upload);
      const took = performance.now() - from;
      if (took < QUICK_MS) size = Math.min(LARGEST_PIECE, size * 2);
      if (took > SLOW_MS) size = Math.max(SMALLEST_PIECE, size / 2);
    }
    return upload;
  } catch (thrown) {
    if (!isThrownAway(refusalOf(thrown))) await throwAway(id).catch(() => undefined);
    throw thrown;
  } finally {
    removeEventListener("pagehide", leave);
  }
}

/** What is no AnnData the daemon throws away by itself, as what its disk has no room for. */
export const isThrownAway = ({ code }: Refusal): boolean =>
  /^(FILE|ANNDATA|DISK)_|^UPLOAD_NOT_FOUND$/.test(code);

export const throwAway = (id: string): Promise<unknown> =>
  remove("/admin/uploads/{id}", { named: { id } });

export const inspect = (id: string) => post("/admin/uploads/{id}/inspection", { named: { id } });

export type Answers = NonNullable<NonNullable<Parameters<typeof post<typeof IMPORT>>[1]>["body"]>;

export const importAs = (id: string, body: Answers): Promise<Upload> =>
  post(IMPORT, { named: { id }, body });

/** The options of the command line, as the page names what they are for. */
const FIELDS: readonly (readonly [option: string, field: string])[] = [
  ["--cell-type-column", "“Cell types”"],
  ["--cell-type-of-all", "“What all cells are”"],
  ["--perturbation-column", "“Perturbations”"],
  ["--control-label", "“Control cells”"],
  ["--donor-column", "“Donors”"],
  ["--only", "“Import only the cells of”"],
  ["--gene-symbols-column", "“Gene symbols”"],
  ["--layer", "“Counts”"],
  ["--dataset", "“Name of the atlas”"],
];

/** A sentence of an import, as somebody reads it who has a page before them. */
export const asOnPage = (sentence: string): string =>
  FIELDS.reduce((text, [option, field]) => text.replaceAll(option, field), sentence);
