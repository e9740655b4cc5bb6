import { createHash } from "node:crypto";
import { link, lstat, open, readdir, readFile, rename, rmdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { HaystackError } from "../../errors.ts";
import {
  ARCHIVE_FORMAT,
  type ArchiveFile,
  archiveHeadSchema,
  type ArchiveKind,
  digestOf,
  type Manifest,
  manifestSchema,
} from "./document.ts";
import {
  archiveFailed,
  codeOf,
  copyHashed,
  exists,
  folderMaker,
  hashed,
  isAbsent,
  syncFolder,
  type Written,
} from "./durable-files.ts";
import type { ArchiveReader, Archives, ArchiveWriter } from "./index.ts";

const MANIFEST = "manifest.json";
/** What a new file system has at its root. */
const NOT_OURS: ReadonlySet<string> = new Set(["lost+found"]);

/** The names in a folder that is to be empty, as far as they are somebody's. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => !NOT_OURS.has(name));
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return [];
    throw thrown;
  }
}

const occupied = (folder: string, found: readonly string[]): HaystackError =>
  new HaystackError(
    "FOLDER_OCCUPIED",
    `The folder ${folder} holds ${found.slice(0, 3).join(", ")} already; choose one that is empty or does not exist.`,
  );

async function begin(given: string): Promise<ArchiveWriter> {
  const folder = resolve(given);
  const found = await namesIn(folder).catch((thrown: unknown) => {
    throw archiveFailed(thrown, `Reading the folder ${folder}`);
  });
  if (found.length > 0) throw occupied(folder, found);
  const folders = folderMaker();
  const files: ArchiveFile[] = [];
  const leftOut: { path: string; why: string }[] = [];
  const placeOf = async (path: string): Promise<string> => {
    const target = join(folder, path);
    await folders.make(dirname(target));
    return target;
  };
  const doing = <Result>(path: string, work: () => Promise<Result>): Promise<Result> =>
    work().catch((thrown: unknown) => {
      throw archiveFailed(thrown, `Copying ${path} to ${folder}`);
    });

  /** Undefined where the file may not be shared, as others may write into it. */
  const linked = async (source: string, target: string) => {
    const { mode } = await stat(source);
    if ((mode & 0o222) !== 0) return undefined;
    await link(source, target).catch((thrown: unknown) => {
      if (codeOf(thrown) !== "EXDEV") throw thrown;
      throw new HaystackError(
        "USAGE",
        `Files of ${source} cannot be shared with ${folder}, which is on another file system; leave --link out.`,
      );
    });
    return hashed(target);
  };

  await doing("the first folder", () => folders.make(folder));
  return {
    add: (path, source, { link: shares = false } = {}) =>
      doing(path, async () => {
        const target = await placeOf(path);
        try {
          const written =
            (shares ? await linked(source, target) : undefined) ??
            (await copyHashed(source, target, 0o600));
          files.push({ path, ...written });
          return true;
        } catch (thrown) {
          if (!isAbsent(thrown) || (await exists(source))) throw thrown;
          leftOut.push({ path, why: "it was deleted while the copy was made" });
          return false;
        }
      }),
    addText: (path, text) =>
      doing(path, async () => {
        const handle = await open(await placeOf(path), "wx", 0o600);
        try {
          await handle.writeFile(text);
          await handle.sync();
        } finally {
          await handle.close();
        }
        const bytes = Buffer.from(text);
        files.push({
          path,
          bytes: bytes.length,
          sha256: createHash("sha256").update(bytes).digest("hex"),
        });
      }),
    addMade: (path, make) =>
      doing(path, async () => {
        const target = await placeOf(path);
        await make(target);
        const handle = await open(target, "r+");
        try {
          await handle.chmod(0o600);
          await handle.sync();
        } finally {
          await handle.close();
        }
        files.push({ path, ...(await hashed(target)) });
      }),
    leaveOut: (path, why) => void leftOut.push({ path, why }),
    finish: (about) =>
      doing(MANIFEST, async () => {
        await folders.sync();
        const content = { ...about, format: ARCHIVE_FORMAT, files, left_out: leftOut } as const;
        const { sha256: _, ...plain } = manifestSchema.parse({ ...content, sha256: digestOf({}) });
        const manifest: Manifest = { ...plain, sha256: digestOf(plain) };
        const temporary = join(folder, `${MANIFEST}.part`);
        const handle = await open(temporary, "wx", 0o600);
        try {
          await handle.writeFile(`${JSON.stringify(manifest, null, 1)}\n`);
          await handle.sync();
        } finally {
          await handle.close();
        }
        await rename(temporary, join(folder, MANIFEST));
        await syncFolder(folder);
        return manifest;
      }),
  };
}

async function readManifest(folder: string, kind: ArchiveKind): Promise<Manifest> {
  const invalid = (problem: string, cause?: unknown): HaystackError =>
    new HaystackError("ARCHIVE_INVALID", `${problem}; use another copy.`, { cause });
  const text = await readFile(join(folder, MANIFEST), "utf8").catch((thrown: unknown) => {
    if (!isAbsent(thrown)) throw archiveFailed(thrown, `Reading ${join(folder, MANIFEST)}`);
    throw invalid(
      `${folder} is no whole archive: manifest.json, which is written last, is not there`,
    );
  });
  const damaged = (cause?: unknown): HaystackError =>
    invalid(`${join(folder, MANIFEST)} is damaged`, cause);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (thrown) {
    throw damaged(thrown);
  }
  const head = archiveHeadSchema.safeParse(json);
  if (!head.success) throw damaged(head.error);
  if (head.data.format > ARCHIVE_FORMAT)
    throw new HaystackError(
      "ARCHIVE_UNSUPPORTED",
      `${folder} was made by ${head.data.software.name} ${head.data.software.version}, whose archives have a newer form; use that release.`,
    );
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success || parsed.data.sha256 !== digestOf(json as object))
    throw damaged(parsed.error);
  if (parsed.data.kind !== kind)
    throw new HaystackError(
      "ARCHIVE_INVALID",
      kind === "backup"
        ? `${folder} holds one run and no backup; read it with \`haystack reproduce\`.`
        : `${folder} holds a backup and not one run; read it with \`haystack restore\`.`,
    );
  return parsed.data;
}

async function openArchive(given: string, kind: ArchiveKind): Promise<ArchiveReader> {
  const folder = resolve(given);
  const manifest = await readManifest(folder, kind);
  const byPath = new Map(manifest.files.map((file) => [file.path, file]));
  const folders = folderMaker();
  const damaged = (path: string, how: string): HaystackError =>
    new HaystackError("ARCHIVE_INVALID", `The file ${path} of ${folder} ${how}; use another copy.`);
  const known = async (path: string): Promise<ArchiveFile> => {
    const file = byPath.get(path);
    const found = await lstat(join(folder, path)).catch((thrown: unknown) => {
      if (isAbsent(thrown)) return undefined;
      throw archiveFailed(thrown, `Reading ${join(folder, path)}`);
    });
    if (file === undefined || found === undefined || !found.isFile())
      throw damaged(path, "is not there");
    if (found.size !== file.bytes)
      throw damaged(path, `has ${found.size} bytes in place of ${file.bytes}`);
    return file;
  };
  const compare = (path: string, wanted: ArchiveFile, got: Written): void => {
    if (got.sha256 !== wanted.sha256)
      throw damaged(path, "is not what was written: its SHA-256 differs");
  };
  return {
    manifest,
    async verified(path) {
      const wanted = await known(path);
      const file = join(folder, path);
      const got = await hashed(file).catch((thrown: unknown) => {
        throw archiveFailed(thrown, `Reading ${file}`);
      });
      compare(path, wanted, got);
      return file;
    },
    async copyTo(path, target, mode) {
      const wanted = await known(path);
      try {
        await folders.make(dirname(target));
        compare(path, wanted, await copyHashed(join(folder, path), target, mode));
      } catch (thrown) {
        throw archiveFailed(thrown, `Copying ${path} to ${target}`);
      }
    },
    flush: () =>
      folders.sync().catch((thrown: unknown) => {
        throw archiveFailed(thrown, "Writing the folders to disk");
      }),
    async name(from, to) {
      try {
        for (const name of await readdir(from)) {
          if (await exists(join(to, name))) throw occupied(to, [name]);
          await rename(join(from, name), join(to, name));
        }
        await syncFolder(to);
        await rmdir(from);
        await syncFolder(to);
      } catch (thrown) {
        throw archiveFailed(thrown, `Moving ${from} to ${to}`);
      }
    },
  };
}

/** Archives as folders of plain files. */
export const folderArchives: Archives = { begin, open: openArchive };
