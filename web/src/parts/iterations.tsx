import type { JSX } from "preact";
import type { Run } from "../api/client.ts";
import { accuracy, count, pairInWords, words } from "../words.ts";

type Tried = NonNullable<Run["iterations"][number]["prompts"]>;

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
            {each.prompts !== undefined && (
              <Prompts
                tried={each.prompts}
                counts={each.candidate_id}
                mixed={each.mixture?.predictions ?? []}
              />
            )}
            {each.found_predictions?.map(({ prediction, run_id, iteration }) => (
              <p class="hint" key={prediction}>
                The {pairInWords(prediction)} was found from{" "}
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

/** All prompts that an iteration tried side by side; the one that counts, or those mixed, are marked. */
function Prompts({
  tried,
  counts,
  mixed,
}: {
  readonly tried: Tried;
  readonly counts: string;
  readonly mixed: readonly string[];
}): JSX.Element {
  return (
    <details>
      <summary>
        {mixed.length === 0 ? "The best" : `A mixture of ${mixed.length}`} of {tried.length} prompts
        that were tried side by side
      </summary>
      <ol>
        {tried.map((prompt) => (
          <li key={prompt.candidate_id}>
            <strong>{words(prompt.prompt_strategy)}</strong>
            {prompt.candidate_id === counts && <span class="tag">counts</span>}
            {mixed.includes(prompt.prediction) && <span class="tag">mixed</span>}, score{" "}
            {prompt.score}/10, expected accuracy {accuracy(prompt.expected_accuracy)}:{" "}
            {prompt.prompt_rationale}
          </li>
        ))}
      </ol>
    </details>
  );
}
