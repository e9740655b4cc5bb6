import type { JSX } from "preact";
import { get, type Result, type Run } from "../api/client.ts";
import { useLoaded } from "../loading.ts";
import { pValue, signed, words } from "../words.ts";
import { Files } from "./files.tsx";
import { Notice, Waiting } from "./notice.tsx";
import { Report } from "./report.tsx";

/** The findings of a completed run. */
export function ResultView({ run }: { readonly run: Run }): JSX.Element {
  const { content, refusal } = useLoaded(
    (signal) => get("/api/v1/runs/{id}/result", { named: { id: run.run_id }, signal }),
    [run.run_id],
  );
  if (refusal !== undefined && content === undefined)
    return <Notice kind="bad">{refusal.message}</Notice>;
  if (content === undefined) return <Waiting what="the result" />;
  const report = content.files.find(({ kind }) => kind === "report");
  return (
    <>
      <Answer result={content} />
      <div class="columns">
        <Genes result={content} />
        <Pathways result={content} />
      </div>
      <Files files={content.files} />
      {report !== undefined && report.bytes !== null && <Report file={report} />}
    </>
  );
}

function Answer({ result }: { readonly result: Result }): JSX.Element {
  const parts = Object.entries(result.component_scores);
  const isJudged = parts.length === 0 || parts.some(([, score]) => typeof score === "number");
  return (
    <section class="card answer" aria-labelledby="answer-title">
      <h2 id="answer-title">Result</h2>
      {result.reading !== undefined && <p class="reading">{result.reading}</p>}
      <div class="figures">
        <div>
          <span class="figure" id="score">
            {isJudged ? `${result.final_score ?? "–"}/10` : "not measurable"}
          </span>
          <span class="hint">plausibility (grounding score)</span>
        </div>
        <div>
          <span class="figure">
            {result.expected_accuracy?.known === true
              ? result.expected_accuracy.pearson.toFixed(2)
              : "unknown"}
          </span>
          <span class="hint">expected accuracy</span>
        </div>
      </div>
      {result.verdict !== undefined && <p>The predicted response {result.verdict}.</p>}
      {result.expected_accuracy_in_words !== null && (
        <p id="accuracy">
          Expected accuracy (correlation with a measured response):{" "}
          {result.expected_accuracy_in_words}
        </p>
      )}
      <p class="hint">
        Confidence: {result.confidence}
        {result.confidence === "lower" && ", as the controls are the query cells themselves"}.
      </p>
      {parts.length > 0 && (
        <dl class="facts">
          {parts.map(([name, score]) => (
            <div key={name} class="fact">
              <dt>{words(name)}</dt>
              <dd>{typeof score === "number" ? score.toFixed(1) : "not measured"}</dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  );
}

function Genes({ result: { top_genes: genes } }: { readonly result: Result }): JSX.Element {
  const most = Math.max(...genes.map(({ log2_fold_change: change }) => Math.abs(change)), 1e-9);
  return (
    <section aria-labelledby="genes-title">
      <h2 id="genes-title">Genes, by rank</h2>
      {genes.length === 0 ? (
        <p class="hint">No gene was called.</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">Gene</th>
              <th scope="col" class="number">
                log2 fold change
              </th>
              <td />
            </tr>
          </thead>
          <tbody>
            {genes.map(({ gene, log2_fold_change: change }) => (
              <tr key={gene}>
                <th scope="row">{gene}</th>
                <td class="number">{signed(change)}</td>
                <td class="change" aria-hidden="true">
                  <span
                    class={change < 0 ? "down" : "up"}
                    style={{ width: `${(100 * Math.abs(change)) / most}%` }}
                  />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Pathways({
  result: { enriched_pathways: all },
}: {
  readonly result: Result;
}): JSX.Element {
  const found = all.filter(({ p_adjusted }) => p_adjusted < 0.05);
  return (
    <section aria-labelledby="pathways-title">
      <h2 id="pathways-title">Pathways</h2>
      {found.length === 0 ? (
        <p class="hint">None with an adjusted p value below 0.05.</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">Pathway</th>
              <th scope="col">Direction</th>
              <th scope="col" class="number">
                adjusted p
              </th>
            </tr>
          </thead>
          <tbody>
            {found.map(({ id, name, direction, p_adjusted, url }) => (
              <tr key={id + direction}>
                <th scope="row">
                  {name}{" "}
                  <small>
                    {url ? (
                      <a href={url} rel="noopener noreferrer">
                        {id}
                      </a>
                    ) : (
                      id
                    )}
                  </small>
                </th>
                <td>{direction}</td>
                <td class="number">{pValue(p_adjusted)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
