import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { cellTypeSearch, perturbationSearch } from "../../science/knowledge/search.ts";
import { errorResponses } from "../errors.ts";
import type { ServerParts } from "../parts.ts";
import { namesIn } from "./names.ts";
import { createOverview } from "./overview.ts";

const querySchema = z.object({
  search: z
    .string()
    .max(200)
    .default("")
    .describe("Only those whose name, synonym or id contains this; spelling variants match"),
  dataset: z.string().max(200).optional().describe("Only those of this dataset"),
  limit: z.coerce.number().int().min(1).max(1_000).default(200),
});
type Query = z.infer<typeof querySchema>;

const datasetSchema = z.object({
  dataset: z.string(),
  simulated: z.boolean(),
  source_file: z.string(),
  n_cells: z.number().int(),
  n_genes: z.number().int(),
  cell_types: z.number().int(),
  perturbations: z.number().int(),
  donors: z.number().int(),
  warnings: z.array(z.string()),
});

const cellTypeSchema = z.object({
  name: z.string().describe("As the atlas labels it"),
  cell_ontology_id: z.string().nullable(),
  datasets: z.array(z.string()),
  n_cells: z.number().int(),
  n_control_cells: z.number().int(),
});

const perturbationSchema = z.object({
  name: z.string().describe("As the atlas labels it"),
  perturbation_id: z.string().nullable(),
  datasets: z.array(z.string()),
  cell_types: z.array(z.string()),
  n_cells: z.number().int(),
  measured: z
    .array(
      z.object({
        cell_type: z.string(),
        n_cells: z.number().int(),
        donors: z.number().int(),
        doses: z.array(z.string()),
        times: z.array(z.string()),
        n_cells_without_control: z
          .number()
          .int()
          .describe("Cells of donors of which there are no control cells of this type"),
      }),
    )
    .describe("Of each of its cell types"),
});

/** The part that is asked for, and how many there are of it. */
function pick<Item>(
  items: readonly Item[],
  { dataset, limit }: Query,
  isWanted: (item: Item) => boolean,
  datasetsOf: (item: Item) => readonly string[],
) {
  const found = items.filter(
    (item) => (dataset === undefined || datasetsOf(item).includes(dataset)) && isWanted(item),
  );
  return { total: found.length, found: found.slice(0, limit) };
}

export const atlasRoutes =
  ({ atlases, clock, knowledge }: ServerParts): FastifyPluginAsyncZod =>
  async (app) => {
    const overview = createOverview(atlases, clock);
    const names = namesIn(knowledge);
    const tags = ["atlas"];
    const total = z.number().int().describe("Number of matches, including those beyond the limit");

    app.get(
      "/atlas/datasets",
      {
        config: { access: "user" },
        schema: {
          summary: "Imported datasets",
          tags,
          querystring: querySchema,
          response: {
            200: z.object({ datasets: z.array(datasetSchema), total }),
            ...errorResponses,
          },
        },
      },
      async ({ query }) => {
        const wanted = query.search.toLowerCase();
        const picked = pick(
          (await overview()).datasets,
          query,
          ({ dataset, source_file }) =>
            [dataset, source_file].some((name) => name.toLowerCase().includes(wanted)),
          ({ dataset }) => [dataset],
        );
        return { datasets: picked.found, total: picked.total };
      },
    );

    app.get(
      "/atlas/cell-types",
      {
        config: { access: "user" },
        schema: {
          summary: "Cell types of the datasets",
          tags,
          querystring: querySchema,
          response: {
            200: z.object({ cell_types: z.array(cellTypeSchema), total }),
            ...errorResponses,
          },
        },
      },
      async ({ query }) => {
        const held = await overview();
        const isWanted = cellTypeSearch(query.search, names(held));
        const picked = pick(
          held.cell_types,
          query,
          ({ name, cell_ontology_id }) => isWanted(name, cell_ontology_id),
          ({ datasets }) => datasets,
        );
        return { cell_types: picked.found, total: picked.total };
      },
    );

    app.get(
      "/atlas/perturbations",
      {
        config: { access: "user" },
        schema: {
          summary: "Perturbations of the datasets",
          tags,
          querystring: querySchema,
          response: {
            200: z.object({ perturbations: z.array(perturbationSchema), total }),
            ...errorResponses,
          },
        },
      },
      async ({ query }) => {
        const held = await overview();
        const isWanted = perturbationSearch(query.search, names(held));
        const picked = pick(
          held.perturbations,
          query,
          ({ name, perturbation_id }) => isWanted(name, perturbation_id),
          ({ datasets }) => datasets,
        );
        return { perturbations: picked.found, total: picked.total };
      },
    );
  };
