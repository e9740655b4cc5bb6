import { createHash } from "node:crypto";
import { z } from "zod";
import "../../zod-words.ts";
import { REPEATED_GENES } from "../../science/atlas/genes.ts";
import { datasetOf, type ImportOptions } from "../../science/atlas/import.ts";

/**
 * An import that the tasks of a Batch job share, as an object for them to read. Everything about it
 * lies below imports/{id}/, where the id derives from the order: the same order again finds what is
 * done of it.
 */

const text = z.string().min(1);

const orderSchema = z.strictObject({
  format: z.literal("haystack-import/1"),
  /** Of the program that asked for it and of the one that does it: parts of two do not mix. */
  release: text,
  source: z.strictObject({ bucket: text, path: text, version: text }),
  tasks: z.number().int().min(1).max(10_000),
  options: z.strictObject({
    columns: z.strictObject({
      cell_type: text.optional(),
      perturbation: text.optional(),
      donor: text.optional(),
      gene_symbols: text.optional(),
      control_labels: z.array(z.string()).readonly().optional(),
    }),
    dataset: text.optional(),
    cellType: text.optional(),
    perturbationType: text.optional(),
    only: z.record(text, z.array(z.string()).readonly()).optional(),
    repeatedGenes: z.enum(REPEATED_GENES).optional(),
    layer: text.optional(),
    modality: text.optional(),
  }),
});

export type ImportOrder = Omit<z.infer<typeof orderSchema>, "options"> & {
  readonly options: Omit<ImportOptions, "source" | "outDir">;
};

/** Undefined: of another release. */
export const readOrder = (json: string): ImportOrder | undefined =>
  orderSchema.safeParse(JSON.parse(json)).data as ImportOrder | undefined;

export const importId = (order: ImportOrder): string =>
  createHash("sha256").update(JSON.stringify(order)).digest("hex").slice(0, 24);

/** Errors of Batch's ids are no concern: 24 hexadecimal digits and two short parts. */
export const importJobName = (id: string, attempt: number): string => `hs-import-${id}-${attempt}`;

export const datasetOfOrder = ({ source, options }: ImportOrder): string =>
  options.dataset ?? datasetOf(source.path);

export const orderPath = (id: string): string => `imports/${id}/order.json`;
export const partPath = (id: string, share: number): string => `imports/${id}/part-${share}.json`;
export const partProfilesPath = (id: string, share: number): string =>
  `imports/${id}/profiles-${share}.f32`;
/** Why a share failed, in one attempt. */
export const failurePath = (id: string, attempt: number, share: number): string =>
  `imports/${id}/attempt-${attempt}/failed-${share}.json`;
