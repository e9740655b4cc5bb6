import { z } from "zod";

/**
 * The understood question. A union by `task_type`: observational and hybrid tasks join it later.
 */

export const directionSchema = z.enum(["up", "down"]);
export type Direction = z.infer<typeof directionSchema>;

export const controlStrategySchema = z.enum(["synthetic_control", "query_as_control"]);
export type ControlStrategy = z.infer<typeof controlStrategySchema>;

const ambiguitySchema = z.object({
  field: z.enum(["cell_type", "perturbation", "dose", "time", "tissue", "donor"]),
  /** The words of the question that could mean several things. */
  text: z.string(),
  chosen: z.string(),
  alternatives: z.array(z.string()),
});

/** What a question says of its cells beside their type, and what of it chose cells. */
const contextSchema = z.object({
  kind: z.enum(["species", "tissue", "disease", "donor_group", "background", "marker"]),
  /** The words of the question. */
  text: z.string(),
  name: z.string(),
  /** Of NCBI Taxonomy, Uberon, MONDO or PATO, where they name it. */
  id: z.string().nullable(),
  /**
   * The values of a column of the atlases that the query cells have; "cell_type" where the asked
   * cell type says it; null where it chose nothing.
   */
  chose: z
    .union([z.object({ column: z.string(), values: z.array(z.string()) }), z.literal("cell_type")])
    .nullable(),
  /** What the atlases hold instead. */
  held: z.array(z.string()).optional(),
});
export type Context = z.infer<typeof contextSchema>;

const notUsedSchema = z.enum(["dose", "time", "tissue", "donor"]);
export type NotUsed = z.infer<typeof notUsedSchema>;

const cellTypeSchema = z.object({
  /** Canonical name; the Cell Ontology name where an id is known. */
  name: z.string(),
  cell_ontology_id: z.string().nullable(),
  /** Of the Cell Ontology and the knowledge; absent in documents of earlier releases. */
  synonyms: z.array(z.string()).optional(),
  /** The words of the question it was found in. */
  matched_text: z.string(),
  match: z.enum(["exact", "synonym", "spelling", "atlas_label"]),
  /**
   * Cell type labels of the atlas that mean this cell type (or its subtypes, when the atlas has no
   * exact one).
   */
  atlas_labels: z.array(z.string()),
});

const perturbationKindSchema = z.enum([
  "drug",
  "cytokine",
  "genetic",
  "environment",
  "pathogen",
  "unknown",
]);

const perturbationSchema = z.object({
  /** Id in the curated knowledge, e.g. "ifn-beta"; null when only the atlas knows it. */
  id: z.string().nullable(),
  name: z.string(),
  kind: perturbationKindSchema,
  /** e.g. {"hgnc": "IFNB1", "chembl": "CHEMBL..."} */
  external_ids: z.record(z.string(), z.string()),
  matched_text: z.string(),
  match: z.enum(["exact", "synonym", "spelling", "atlas_label"]),
  /**
   * Perturbation labels of the atlas that mean exactly this perturbation; empty when the atlas
   * lacks it.
   */
  atlas_labels: z.array(z.string()),
  /** Genes or proteins acted on directly. */
  targets: z.array(z.string()),
  /** What is given at once; absent where it is one thing. */
  combination: z
    .array(z.object({ id: z.string().nullable(), name: z.string(), kind: perturbationKindSchema }))
    .optional(),
});

export const expectedTargetSchema = z.object({
  gene: z.string(),
  direction: directionSchema,
  source: z.string(),
});
export type ExpectedTarget = z.infer<typeof expectedTargetSchema>;

export const expectedPathwaySchema = z.object({
  id: z.string(),
  name: z.string(),
  direction: directionSchema,
  source: z.string(),
});
export type ExpectedPathway = z.infer<typeof expectedPathwaySchema>;

/**
 * What articles name the asked cells and perturbation together, for the reader; nothing is computed
 * from it. Bounded, as it is part of the run's state.
 */
export const MOST_ARTICLES = 8;
export const LONGEST_TITLE = 200;
const articleSchema = z.object({
  pmid: z.string(),
  title: z.string(),
  year: z.number().int().nullable(),
});

/** What a language model is asked for; elsewhere it decides nothing. */
export const MODEL_ROLES = ["question", "likeness", "prompt", "judgement"] as const;
export type ModelRole = (typeof MODEL_ROLES)[number];

/** Who reads a question; nobody where it is asked by the labels of the atlases. */
export const readerSchema = z.enum(["rules", "language_model", "labels"]);

const perturbationalQuerySchema = z.object({
  task_type: z.literal("perturbational"),
  cell_type: cellTypeSchema,
  perturbation: perturbationSchema,
  /** Genes whose expression should change, and how. */
  expected_targets: z.array(expectedTargetSchema),
  expected_pathways: z.array(expectedPathwaySchema),
  dose: z.string().nullable(),
  time: z.string().nullable(),
  tissue: z.string().nullable(),
  donor: z.string().nullable(),
  /**
   * Empty when no literature source is configured or nothing was found; absent in documents of
   * earlier releases.
   */
  literature_context: z.array(articleSchema).optional(),
  /** Why the literature could not be searched although a source is configured. */
  literature_problem: z.string().optional(),
  ambiguities: z.array(ambiguitySchema),
  /** Absent in documents of earlier releases. */
  context: z.array(contextSchema).optional(),
  /** Stated, and no cells are chosen by it; absent in documents of earlier releases. */
  not_used: z.array(notUsedSchema).optional(),
  /** The cells of the atlases that measure what is asked; absent where there are none. */
  measured_answer: z.object({ cells: z.number().int(), donors: z.number().int() }).optional(),
  /**
   * Expected genes that measured cells of the atlases move the other way under the asked
   * perturbation, where they are a majority; absent where they are none, and in earlier releases.
   */
  contradicted: z
    .object({
      genes: z.array(z.string()),
      /** Expected genes that change there at all. */
      of: z.number().int(),
      p_value: z.number(),
      cell_types: z.array(z.string()),
    })
    .optional(),
  /** Present when synthetic control was asked for and no matched control cells exist. */
  control_strategy_fallback: z
    .object({
      requested: controlStrategySchema,
      effective: controlStrategySchema,
      reason: z.string(),
    })
    .nullable(),
  understood_by: readerSchema,
  /** Why the rules decided although a language model was asked. */
  model_problem: z.string().optional(),
});

export const structuredQuerySchema = z.discriminatedUnion("task_type", [perturbationalQuerySchema]);
export type StructuredQuery = z.infer<typeof structuredQuerySchema>;
