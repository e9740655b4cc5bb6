import type { ExpressionComparison } from "./differential-expression.ts";

/** A number as JSON has it; what JSON lacks, as text: NaN, infinities, the sign of zero. */
function encode(value: number): number | string {
  if (Object.is(value, -0)) return "-0";
  return Number.isFinite(value) ? value : String(value);
}

const column = (values: Float64Array): (number | string)[] => Array.from(values, encode);

type Stored = Record<
  "log2_fold_change" | "p_value" | "p_adjusted" | "mean_treated" | "mean_control",
  (number | string)[]
> & { genes: string[]; is_de: number[] };

/** Differential expression with its means as JSON text: one array a column, in var order. */
export function expressionToJson({ de, meanTreated, meanControl }: ExpressionComparison): string {
  const stored: Stored = {
    genes: [...de.genes],
    log2_fold_change: column(de.log2_fold_change),
    p_value: column(de.p_value),
    p_adjusted: column(de.p_adjusted),
    is_de: [...de.is_de],
    mean_treated: column(meanTreated),
    mean_control: column(meanControl),
  };
  return `${JSON.stringify(stored)}\n`;
}

/** The same differential expression, bit by bit. */
export function expressionFromJson(text: string): ExpressionComparison {
  const stored = JSON.parse(text) as Stored;
  const numbers = (values: Stored["p_value"]): Float64Array => Float64Array.from(values, Number);
  return {
    de: {
      genes: stored.genes,
      log2_fold_change: numbers(stored.log2_fold_change),
      p_value: numbers(stored.p_value),
      p_adjusted: numbers(stored.p_adjusted),
      is_de: Uint8Array.from(stored.is_de),
    },
    meanTreated: numbers(stored.mean_treated),
    meanControl: numbers(stored.mean_control),
  };
}
