import {
  LONGEST_TITLE,
  MOST_ARTICLES,
  type StructuredQuery,
} from "../../science/query/structured-query.ts";
import type { ArticleAnswer } from "../../services/literature/index.ts";
import type { StepPorts } from "../ports.ts";
import { journalOf } from "./journalled.ts";

/**
 * The question with the articles that name its cells and its perturbation; unchanged where no
 * source is configured.
 */
export async function withLiterature(
  { literature, compute, knowledge, runs, clock }: StepPorts,
  run_id: string,
  query: StructuredQuery,
  signal: AbortSignal,
): Promise<StructuredQuery> {
  if (literature === undefined) return query;
  const request = {
    ...(await compute.run("articleNames", { structured_query: query, knowledge }, signal)),
    most: MOST_ARTICLES,
  };
  const answer: ArticleAnswer = await journalOf(
    { runs, clock },
    { run_id, step: "analyze", iteration: 0 },
    "literature",
  ).once(["articles", request], () => literature.articles(request, signal), signal);
  if (answer.status === "unavailable") return { ...query, literature_problem: answer.reason };
  return {
    ...query,
    literature_context: answer.articles
      .slice(0, MOST_ARTICLES)
      .map(({ pmid, title, year }) => ({ pmid, title: title.slice(0, LONGEST_TITLE), year })),
  };
}
