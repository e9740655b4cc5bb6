import type { Clock } from "../services/clock/index.ts";

/**
 * The answer of `look`, asked for once for all who ask within `ms`. A failure is not kept. `look`
 * must not throw before its promise is made.
 */
export function keptFor<Answer>(
  ms: number,
  clock: Pick<Clock, "elapsed">,
  look: () => Promise<Answer>,
): () => Promise<Answer> {
  let kept: { readonly until: number; readonly answer: Promise<Answer> } | undefined;
  return () => {
    if (kept !== undefined && clock.elapsed() < kept.until) return kept.answer;
    const answer = look();
    const mine = { until: clock.elapsed() + ms, answer };
    kept = mine;
    answer.catch(() => {
      if (kept === mine) kept = undefined;
    });
    return answer;
  };
}
