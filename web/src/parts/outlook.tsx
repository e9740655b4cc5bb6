import type { JSX } from "preact";
import { get, type ListedRun, post } from "../api/client.ts";
import type { CheckBody } from "../checks.ts";
import { useLoaded } from "../loading.ts";
import { lasting, money, plural } from "../words.ts";

const EARLIER_RUNS = 20;

const tookOf = ({ started_at, completed_at }: ListedRun): number[] =>
  started_at === null || completed_at === null
    ? []
    : [Date.parse(completed_at) - Date.parse(started_at)];

/** From the shortest to the longest, without saying the same twice. */
function range(values: readonly number[], inWords: (value: number) => string): string {
  const least = inWords(Math.min(...values));
  const most = inWords(Math.max(...values));
  return least === most ? least : `${least} to ${most}`;
}

/** What may be expected before anything is spent: accuracy by the atlas, time and cost by earlier runs. */
export function Outlook({ body }: { readonly body: NonNullable<CheckBody> }): JSX.Element {
  const outlook = useLoaded(
    (signal) => post("/api/v1/questions/outlook", { body, signal }),
    [JSON.stringify(body)],
  );
  const earlier = useLoaded(
    (signal) =>
      get("/api/v1/runs", { asked: { status: "completed", limit: EARLIER_RUNS }, signal }),
    [],
  );
  const took = (earlier.content?.runs ?? []).flatMap(tookOf);
  const costs = (earlier.content?.runs ?? []).flatMap(({ usage }) =>
    usage === undefined ? [] : [usage.gpu_cost_usd + usage.llm_cost_usd],
  );
  return (
    <dl class="facts">
      <dt>Expected accuracy</dt>
      <dd>
        {outlook.content === undefined
          ? (outlook.refusal?.message ?? "Estimating …")
          : (outlook.content.expected_accuracy_in_words ?? "unknown")}
        {outlook.content?.expected_accuracy?.known === true && (
          <span class="hint"> correlation with a measured response, of the first iteration</span>
        )}
      </dd>
      <dt>Time and cost</dt>
      <dd>
        {earlier.content === undefined
          ? (earlier.refusal?.message ?? "Looking at earlier runs …")
          : took.length === 0
            ? "Not known: no run has been completed yet."
            : `The last ${plural(took.length, "completed run")} took ${range(took, lasting)}${costs.length === 0 ? "" : ` and cost ${range(costs, money)}`}.`}
      </dd>
    </dl>
  );
}
