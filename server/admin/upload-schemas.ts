import { z } from "zod";
import type { ErrorCode } from "../../errors.ts";
import { ERROR_CATALOGUE } from "../../error-catalogue.ts";
import { REPEATED_GENES } from "../../science/atlas/genes.ts";

export const uploadSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    bytes: z.number().int(),
    received: z.number().int(),
    state: z.enum(["receiving", "received", "importing", "imported"]),
    by: z.string().describe("Who sent it"),
    since: z.iso.datetime().describe("Of the last piece, or since when it is imported"),
    dataset: z.string().nullable().describe("The atlas that it became, or is becoming"),
    error: z
      .object({
        code: z.enum(Object.keys(ERROR_CATALOGUE) as [ErrorCode, ...ErrorCode[]]),
        message: z.string(),
      })
      .nullable()
      .describe("Why its last import failed"),
  })
  .meta({ id: "Upload" });

const name = z.string().nullable();

export const inspectionSchema = z
  .object({
    n_obs: z.number().int(),
    n_vars: z.number().int(),
    counts: name.describe("The matrix that is taken for the counts; null where none can be used"),
    slots: z.array(z.object({ name: z.string(), values: z.string() })).describe("Matrices"),
    obs: z
      .array(
        z.object({
          name: z.string(),
          kind: z.string(),
          n_values: z.number().int().optional(),
          values: z
            .array(z.object({ value: z.string(), cells: z.number().int() }))
            .optional()
            .describe("The most frequent, and how many cells have them"),
        }),
      )
      .describe("Columns of the cells"),
    var: z.array(z.object({ name: z.string(), kind: z.string() })).describe("Columns of the genes"),
    first_genes: z.array(z.string()),
    guessed: z
      .object({
        cell_type: name,
        perturbation: name,
        donor: name,
        gene_symbols: name,
        control_label: name,
        control_labels: z.array(z.string()).nullish(),
        dose: name.optional(),
        time: name.optional(),
      })
      .describe("What the columns seem to mean"),
    also_fits: z.object({
      cell_type: z.array(z.string()),
      perturbation: z.array(z.string()),
      gene_symbols: z.array(z.string()),
    }),
    unreadable: z.array(z.object({ name: z.string(), why: z.string() })),
    warnings: z.array(z.string()),
  })
  .meta({ id: "Inspection" });

/** By which cells are chosen. */
const MOST_COLUMNS = 20;
const column = z.string().min(1).max(500).optional();

export const importSchema = z.strictObject({
  dataset: z
    .string()
    .regex(/^[A-Za-z0-9][\w.-]{0,99}$/, "may hold letters, digits, dots, hyphens and underscores")
    .max(100)
    .optional()
    .describe("Name of the atlas; that of the file unless given"),
  cell_type: column.describe("Column of the cell types; found unless given, as all of these"),
  perturbation: column.describe("Column of the perturbations"),
  donor: z
    .string()
    .min(1)
    .max(500)
    .nullable()
    .optional()
    .describe("Column of the donors; null where none tells them"),
  gene_symbols: column.describe("Column of the gene symbols"),
  control_labels: z
    .array(z.string().min(1).max(500))
    .min(1)
    .max(100)
    .optional()
    .describe("Values of the perturbation column that mark control cells"),
  cell_type_of_all: z.string().min(1).max(500).optional().describe("What all cells are"),
  perturbation_type: z.string().min(1).max(100).optional().describe("Such as CRISPRi, or drug"),
  only: z
    .record(z.string().min(1).max(500), z.array(z.string().max(500)).min(1).max(100))
    .refine((only) => Object.keys(only).length <= MOST_COLUMNS, `must be at most ${MOST_COLUMNS}`)
    .meta({ maxProperties: MOST_COLUMNS })
    .optional()
    .describe("Columns of the cells, and the values whose cells are imported"),
  repeated_genes: z.enum(REPEATED_GENES).optional(),
  layer: column.describe("The matrix of the counts"),
  modality: column.describe("Of a MuData file"),
});
