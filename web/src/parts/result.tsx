import type { JSX } from "preact";
import { get, type Result, type Run } from "../api/client.ts";
import { useLoaded } from "../loading.ts";
import { useFindings } from "../findings.ts";
import { pValue, words } from "../words.ts";
import { Evidence } from "./evidence.tsx";
import { Figure } from "./figure.tsx";
import { Genes } from "./genes.tsx";
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
  return <Found result={content} />;
}

function Found({ result }: { readonly result: Result }): JSX.Element {
  const { content: findings, refusal } = useFindings(result);
  const report = result.files.find(({ kind }) => kind === "report");
  const figure = (id: string): JSX.Element | null => {
    const found = findings?.figures.find((each) => each.id === id);
    return found === undefined ? null : (
      <section key={id} aria-label={found.title}>
        <h2>{found.title}</h2>
        <Figure figure={found} runId={result.run_id} />
      </section>
    );
  };
  return (
    <>
      <Answer result={result} sentences={findings?.answer.sentences} />
      {refusal !== undefined && (
        <Notice kind="bad" title="Figures and evidence cannot be read.">
          {refusal.message}
        </Notice>
      )}
      {findings === undefined && refusal === undefined && <Waiting what="figures and evidence" />}
      {findings === null && (
        <p class="hint">An earlier release made this run: its figures are in its report alone.</p>
      )}
      <div class="columns">
        {figure("volcano")}
        {figure("map")}
      </div>
      <div class="columns ranked">
        <Genes genes={findings?.genes ?? result.top_genes} />
        <Pathways result={result} />
      </div>
      {findings && <Evidence rows={findings.evidence} />}
      <Files files={result.files} />
      {report !== undefined && report.bytes !== null && (
        <Report runId={result.run_id} file={report} />
      )}
    </>
  );
}

function Answer({
  result,
  sentences,
}: {
  readonly result: Result;
  readonly sentences?: readonly string[] | undefined;
}): JSX.Element {
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
      {sentences !== undefined && <p>{sentences.join(" ")}</p>}
      {sentences === undefined && result.verdict !== undefined && (
        <p>The predicted response {result.verdict}.</p>
      )}
      {result.expected_accuracy_in_words !== null && (
        <p id="accuracy">
          Expected accuracy (correlation with a measured response):{" "}
          {result.expected_accuracy_in_words}
        </p>
      )}
      <p class="hint">
        Confidence: {result.confidence}
        {result.confidence === "lower" &&
          (result.control_strategy_effective === "query_as_control"
            ? ", as the controls are the query cells themselves"
            : "; the report says what lowers it")}
        .
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
        <div class="scroll" tabIndex={0} role="region" aria-label="Table of pathways">
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
        </div>
      )}
    </section>
  );
}
