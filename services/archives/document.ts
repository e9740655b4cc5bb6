import { createHash } from "node:crypto";
import { z } from "zod";
import "../../zod-words.ts";

/** What `manifest.json` of an archive says. Written last: a folder without it is no archive. */

const ARCHIVE_KINDS = ["backup", "run"] as const;
export type ArchiveKind = (typeof ARCHIVE_KINDS)[number];
/** Of the form of the folder and its manifest; a later one is refused. */
export const ARCHIVE_FORMAT = 1;

/** Relative, `/`-separated, without `..`: it stays in the folder that it is below. */
const archivePath = z
  .string()
  .max(1024)
  .refine(
    (path) => path.split("/").every((part) => !["", ".", ".."].includes(part)),
    "is no path below a folder",
  )
  .refine((path) => !/[\p{Cc}\\]/u.test(path), "has a backslash or a control character");

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const archiveFileSchema = z.strictObject({
  path: archivePath,
  bytes: z.number().int().min(0),
  sha256,
});
export type ArchiveFile = z.infer<typeof archiveFileSchema>;

/** What every archive says of itself, of whatever release. */
export const archiveHeadSchema = z.object({
  kind: z.enum(ARCHIVE_KINDS),
  format: z.number().int(),
  software: z.object({ name: z.string(), version: z.string() }),
});

export const manifestSchema = z.strictObject({
  kind: z.enum(ARCHIVE_KINDS),
  format: z.literal(ARCHIVE_FORMAT),
  created_at: z.iso.datetime(),
  software: z.strictObject({ name: z.string(), version: z.string() }),
  machine: z.strictObject({ id: z.string(), version: z.string() }),
  /** Where it was made: computing is equal to the last digit on equal ones only. */
  platform: z.strictObject({ node: z.string(), system: z.string() }),
  /** Absolute; of a backup, the data folder that it is a copy of. */
  data_dir: z.string().optional(),
  files: z.array(archiveFileSchema),
  /** Of a backup, the objects that stay in their bucket, as they were. */
  bucket: z
    .strictObject({
      name: z.string(),
      prefix: z.string(),
      objects: z.array(
        z.strictObject({
          path: z.string(),
          bytes: z.number(),
          generation: z.string(),
          /** CRC32C in base64. */
          crc32c: z.string(),
        }),
      ),
    })
    .optional(),
  /** What was there and is not here, and why. */
  left_out: z.array(z.strictObject({ path: z.string(), why: z.string() })),
  /** Of all the above. */
  sha256,
});
export type Manifest = z.infer<typeof manifestSchema>;

/** The digest of a manifest: of its JSON without the digest. */
export const digestOf = (manifest: object): string =>
  createHash("sha256")
    .update(JSON.stringify({ ...manifest, sha256: undefined }))
    .digest("hex");
