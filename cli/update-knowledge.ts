import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { HaystackError } from "../errors.ts";
import { given } from "../given.ts";
import {
  importKnowledge,
  readImports,
  statedIn,
  type ImportedKnowledge,
} from "../science/knowledge/import-folder.ts";
import { systemWords } from "../system-words.ts";

/** Knowledge from an address: fetched, checked, and put in place of what was there only as a whole. */

const PATIENCE_MS = 120_000;
const MOST_BYTES = 256 * 1024 * 1024;

export const isAddress = (source: string): boolean => /^https?:\/\//i.test(source);

interface Wanted {
  readonly folder: string;
  readonly url: string;
  readonly name?: string;
  readonly licence?: string;
  readonly sha256?: string;
}

/** Errors: KNOWLEDGE_UNAVAILABLE, KNOWLEDGE_INVALID, USAGE. */
export const importFrom = (wanted: Wanted): Promise<ImportedKnowledge> =>
  withDownload(wanted.url, ({ file }) => importKnowledge({ ...wanted, file }));

export interface Updated {
  readonly name: string;
  readonly changed: boolean;
  readonly version: string | null;
  readonly licence: string | null;
}

/**
 * Fetches again what was imported from addresses, all of it or what `names` say. A file under
 * another licence than the one recorded is refused, unless that is accepted. Errors: as importFrom.
 */
export async function updateKnowledge(
  folder: string,
  names: readonly string[],
  acceptLicence: boolean,
): Promise<readonly Updated[]> {
  const imports = readImports(folder);
  const unknown = names.find((name) => !imports.some((each) => each.name === name));
  if (unknown !== undefined)
    throw new HaystackError(
      "USAGE",
      `Nothing was imported as "${unknown}"; haystack knowledge list shows what was.`,
    );
  const wanted = imports.filter(({ name }) => names.length === 0 || names.includes(name));
  const byHand = names.length === 0 ? undefined : wanted.find(({ url }) => url === undefined);
  if (byHand !== undefined)
    throw new HaystackError(
      "USAGE",
      `"${byHand.name}" was imported from a file of this machine; import the new file under that name.`,
    );
  const updated: Updated[] = [];
  for (const known of wanted) {
    const { url } = known;
    if (url === undefined) continue;
    updated.push(await withDownload(url, (got) => replaced(folder, known, got, acceptLicence)));
  }
  return updated;
}

interface Download {
  readonly file: string;
  readonly text: string;
}

function replaced(
  folder: string,
  known: ImportedKnowledge,
  { file, text }: Download,
  acceptLicence: boolean,
): Updated {
  const { name, url, licence } = known;
  const now = statedIn(text).licence ?? licence;
  if (licence !== undefined && now !== licence && !acceptLicence)
    throw new HaystackError(
      "KNOWLEDGE_INVALID",
      `"${name}" is under another licence now (${now}, before ${licence}); read it, and accept it with --accept-licence.`,
    );
  const fresh = importKnowledge({ file, folder, name, ...given({ url, licence: now }) });
  return {
    name,
    changed: fresh.source_sha256 !== known.source_sha256,
    version: fresh.version ?? null,
    licence: fresh.licence ?? null,
  };
}

async function withDownload<Result>(
  address: string,
  work: (got: Download) => Result,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), "haystack-knowledge-"));
  try {
    const bytes = await download(address);
    const file = join(folder, basename(new URL(address).pathname) || "download");
    await writeFile(file, bytes);
    return work({ file, text: new TextDecoder().decode(bytes) });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function download(address: string): Promise<Uint8Array> {
  const unavailable = (why: string, cause?: unknown): HaystackError =>
    new HaystackError(
      "KNOWLEDGE_UNAVAILABLE",
      `${address} cannot be fetched: ${why}; check the address and the network, what was imported before stays in use.`,
      cause === undefined ? {} : { cause },
    );
  if (!URL.canParse(address))
    throw new HaystackError("USAGE", `${address} is no address; write it as https://...`);
  const signal = AbortSignal.timeout(PATIENCE_MS);
  try {
    const response = await fetch(address, { signal });
    if (!response.ok) throw unavailable(`the server answers with HTTP status ${response.status}`);
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of response.body ?? []) {
      parts.push(part);
      size += part.length;
      if (size > MOST_BYTES) throw unavailable(`it has more than ${MOST_BYTES / 2 ** 20} MB`);
    }
    return Buffer.concat(parts);
  } catch (thrown) {
    if (thrown instanceof HaystackError) throw thrown;
    throw unavailable(
      signal.aborted ? "it takes too long" : (systemWords(thrown) ?? "the connection failed"),
      thrown,
    );
  }
}
