import type { StructuredQuery } from "../science/query/structured-query.ts";
import type { Basis } from "../science/report/basis.ts";
import { howItWasRead, restsOn } from "../science/report/rests-on.ts";
import { accuracyInWords, duration } from "../science/report/wording.ts";
import { isJudgedRun, shownRun } from "../actors/run-details.ts";
import type { RunStatusShown } from "../server/runs/schemas.ts";
import type { RunDocument } from "../services/runs/document.ts";
import { table } from "./output.ts";

/** How commands show a run: to people, and as JSON in the form of the HTTP API. */

export { shownRun };

export const deliveredIteration = ({ iterations, delivered_iteration }: RunDocument) =>
  iterations.find(({ iteration }) => iteration === delivered_iteration);

/** The one score of a run, that of the delivered iteration; before, of each so far. */
export function scoreOf(document: RunDocument): string {
  const { final_score, delivered_iteration, grounding_scores } = document;
  if (final_score === null) return grounding_scores.join(", ") || "-";
  if (!isJudgedRun(document)) return "not measurable";
  return grounding_scores.length === 1
    ? `${final_score}/10`
    : `${final_score}/10 (iteration ${delivered_iteration} of ${grounding_scores.join(", ")})`;
}

/** What the answer rests on, a line each; what must be known is marked. */
export const basisLines = (document: RunDocument): string[] => [
  "What it rests on:",
  ...restsOn(document).map(basisLine),
];

const basisLine = ({ title, text, caution }: Basis): string =>
  `${caution ? "! " : "  "}${title}: ${text}`;

/** How a question was read, where there is more to say than its names. */
export const readingLines = (query: StructuredQuery): string[] =>
  howItWasRead(query).map(basisLine);

export const accuracyLine = ({ expected_accuracy: expected }: RunDocument): string[] =>
  expected ? [`Expected accuracy: ${accuracyInWords(expected)}`] : [];

const headLines = (document: RunDocument): string[] => {
  const { run_id, name, labels = {}, status, current_phase, query, error_message } = document;
  const reading = deliveredIteration(document)?.reading;
  const filed = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return [
    `${run_id}: ${status}${current_phase === null ? "" : ` (${current_phase})`}`,
    ...(name === undefined ? [] : [`Name: ${name}`]),
    ...(filed.length === 0 ? [] : [`Labels: ${filed.join(", ")}`]),
    `Question: ${query}`,
    ...(reading === undefined ? [] : [reading]),
    `Score: ${scoreOf(document)}`,
    ...accuracyLine(document),
    ...(error_message === null ? [] : [`Error: ${error_message}`]),
  ];
};

export const describeRun = (document: RunDocument): string =>
  [...headLines(document), ...basisLines(document)].join("\n");

/** All that is known of a run. */
export function describeStatus(run: RunStatusShown): string {
  const { shared_with = [], shared_with_you } = run;
  const { user_email, created_at, started_at, completed_at, interrupted, waits_for, jobs } = run;
  const files = [run.output_anndata_path, run.output_report_path, run.output_log_path].filter(
    (path) => path !== null,
  );
  return [
    ...headLines(run),
    ...(interrupted ? [`Interrupted: nobody hosts it; haystack retry ${run.run_id}`] : []),
    ...(waits_for === null || interrupted ? [] : [`Waits for: ${waits_for}`]),
    `Owner: ${user_email ?? "nobody"}${shared_with_you === true ? " (shared with you, to read)" : ""}`,
    ...(shared_with.length === 0 ? [] : [`Shared with: ${shared_with.join(", ")}`]),
    `Created: ${created_at}`,
    ...(started_at === null
      ? []
      : [`Took: ${lasted(started_at, completed_at)}${completed_at === null ? " so far" : ""}`]),
    ...basisLines(run),
    ...(jobs.length === 0
      ? []
      : [
          "Inference jobs:",
          table(
            ["job", "iteration", "kind", "attempt", "state", "seconds", "USD", "problem"],
            jobs.map((job) => [
              job.job_id,
              job.iteration,
              job.kind,
              job.attempt,
              job.state,
              job.run_seconds === null ? null : job.run_seconds.toFixed(1),
              job.cost_usd.toFixed(4),
              job.problem,
            ]),
          ),
        ]),
    ...(files.length === 0 ? [] : ["Files:", ...files]),
  ].join("\n");
}

const lasted = (from: string, to: string | null): string =>
  duration(((to === null ? Date.now() : Date.parse(to)) - Date.parse(from)) / 1_000);
