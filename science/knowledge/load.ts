import { readFileSync } from "node:fs";
import { z } from "zod";
import { cellTypeEntrySchema, pathwayEntrySchema, perturbationEntrySchema } from "./knowledge.ts";
import type { Knowledge } from "./knowledge.ts";

let loaded: Knowledge | undefined;

/** The curated knowledge of data/, checked once, then frozen and kept. Throws a ZodError when a data file is damaged. */
export function loadKnowledge(): Knowledge {
  loaded ??= deepFreeze({
    cellTypes: z.array(cellTypeEntrySchema).parse(dataFile("cell-types")),
    perturbations: z.array(perturbationEntrySchema).parse(dataFile("perturbations")),
    pathways: z.array(pathwayEntrySchema).parse(dataFile("pathways")),
  });
  return loaded;
}

function dataFile(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`data/${name}.json`, import.meta.url), "utf8"));
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
