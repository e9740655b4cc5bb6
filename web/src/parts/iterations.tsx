import type { JSX } from "preact";
import type { Run } from "../api/client.ts";
import { accuracy, count, words } from "../words.ts";

/** What each iteration showed the model and why, and what came of it. */
export function Iterations({ run }: { readonly run: Run }): JSX.Element {
  return (
    <section aria-labelledby="iterations-title">
      <h2 id="iterations-title">Iterations</h2>
      <ol class="iterations">
        {run.iterations.map((each) => (
          <li key={each.iteration} class="card">
            <div class="row spread">
              <h3>
                Iteration {each.iteration}
                {each.iteration === run.delivered_iteration && <span class="tag">delivered</span>}
              </h3>
              <span>
                Score <strong>{each.score}</strong>/10, expected accuracy{" "}
                <strong>{accuracy(each.expected_accuracy)}</strong>
              </span>
            </div>
            <p>
              <strong>{words(each.prompt_strategy)}:</strong> {each.prompt_rationale}
            </p>
            <p class="hint">
              {count(each.prompt_cells)} prompt cells, {count(each.query_cells)} query cells
              {each.model !== undefined &&
                `; predicted by ${each.model.name}${each.model.is_baseline ? " (a baseline)" : ""}`}
            </p>
            {each.found_predictions?.map(({ prediction, run_id, iteration }) => (
              <p class="hint" key={prediction}>
                The {prediction === "control" ? "control prediction" : "prediction"} was found from{" "}
                {run_id === run.run_id ? "this run" : `run ${run_id}`}, iteration {iteration}, and
                not computed again.
              </p>
            ))}
            {each.feedback.length > 0 && (
              <details>
                <summary>What was found wanting</summary>
                <ul>
                  {each.feedback.map((line) => (
                    <li key={line}>{line}</li>
                  ))}
                </ul>
              </details>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}
