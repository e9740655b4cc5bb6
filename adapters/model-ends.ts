import type { ModelLifetime } from "../services/language-model/index.ts";

/** How long before its end a model is spoken of. */
const WARNED_DAYS = 60;
const DAY_MS = 86_400_000;

/** A model that ends within WARNED_DAYS, or has ended, in one sentence. `now`: milliseconds. */
export function endOf(
  { model, variable, shutdown_date }: ModelLifetime,
  now: number,
): { readonly isOver: boolean; readonly sentence: string } | null {
  if (shutdown_date === null) return null;
  const days = Math.ceil((Date.parse(shutdown_date) - now) / DAY_MS);
  if (days > WARNED_DAYS) return null;
  const isOver = days <= 0;
  const when = isOver
    ? `was shut down on ${shutdown_date}`
    : `is shut down on ${shutdown_date}, in ${days} ${days === 1 ? "day" : "days"}`;
  return {
    isOver,
    sentence: `The language model ${model} ${when}; set ${variable} to a current model, and its prices.`,
  };
}
