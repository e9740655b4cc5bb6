import type * as atlas from "./tasks/atlas.ts";
import type * as comparison from "./tasks/comparison.ts";
import type * as evaluation from "./tasks/evaluation.ts";
import type * as literature from "./tasks/literature.ts";
import type * as outlook from "./tasks/outlook.ts";
import type * as prompt from "./tasks/prompt.ts";
import type * as question from "./tasks/question.ts";
import type * as results from "./tasks/results.ts";
import type * as validation from "./tasks/validation.ts";

/**
 * The heavy work of the steps, run in processes of their own: files in, files and small JSON out.
 * This module is what such a process loads; each export is one task.
 */

export * from "./tasks/atlas.ts";
export * from "./tasks/comparison.ts";
export * from "./tasks/evaluation.ts";
export * from "./tasks/literature.ts";
export * from "./tasks/outlook.ts";
export * from "./tasks/prompt.ts";
export * from "./tasks/question.ts";
export * from "./tasks/results.ts";
export * from "./tasks/validation.ts";

type Family = typeof atlas &
  typeof comparison &
  typeof evaluation &
  typeof literature &
  typeof outlook &
  typeof prompt &
  typeof question &
  typeof results &
  typeof validation;
export type Tasks = { [Name in keyof Family]: Family[Name] };
