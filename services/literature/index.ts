/** Port: what published articles say about genes and pathways under a perturbation. */

export type ReportedDirection = "up" | "down";

/** A gene, or a pathway by name, that the perturbation is expected or predicted to change. */
export interface LiteratureSubject {
  readonly kind: "gene" | "pathway";
  readonly name: string;
}

export interface LiteratureRequest {
  readonly perturbation: { readonly name: string; readonly synonyms: readonly string[] };
  readonly subjects: readonly LiteratureSubject[];
}

export interface LiteratureArticles extends LiteratureSubject {
  /** Articles that name the perturbation and the subject. */
  readonly articles: number;
  /** The direction most titles report; null when none does, or as many say the other. */
  readonly direction: ReportedDirection | null;
  /**
   * The articles behind the direction, else the most relevant ones, e.g. "PMID:12345678"; at most
   * 5.
   */
  readonly citations: readonly string[];
}

export type LiteratureAnswer =
  | { readonly status: "searched"; readonly findings: readonly LiteratureArticles[] }
  /** The search could not be made; the reason is one plain sentence. */
  | { readonly status: "unavailable"; readonly reason: string };

/** Each side by all of its names. */
export interface ArticleRequest {
  readonly perturbation: readonly string[];
  readonly cellType: readonly string[];
  /** At most so many, the most relevant. */
  readonly most: number;
}

export interface Article {
  readonly pmid: string;
  readonly title: string;
  readonly year: number | null;
}

export type ArticleAnswer =
  | { readonly status: "searched"; readonly articles: readonly Article[] }
  | Extract<LiteratureAnswer, { readonly status: "unavailable" }>;

export interface LiteratureService {
  /**
   * Never fails for the sake of the literature: trouble is an answer. Throws only when `signal`
   * aborts.
   */
  search(request: LiteratureRequest, signal?: AbortSignal): Promise<LiteratureAnswer>;
  /** Articles on cells of a type under a perturbation; fails as `search` does. */
  articles(request: ArticleRequest, signal?: AbortSignal): Promise<ArticleAnswer>;
}
