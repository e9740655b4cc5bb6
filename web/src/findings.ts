import { request, type Result } from "./api/client.ts";
import { useLoaded, type Loaded } from "./loading.ts";

export interface FoundGene {
  readonly gene: string;
  readonly log2_fold_change: number;
  readonly p_adjusted: number;
  readonly direction: "up" | "down";
  readonly is_target: boolean;
  readonly delta: number;
  readonly reliability?: number;
}

export interface EvidenceRow {
  readonly id: string;
  readonly component: string;
  readonly statement: string;
  readonly supports: boolean;
  readonly silent?: true;
  readonly source: string;
  readonly links: readonly { readonly text: string; readonly url: string }[];
}

export interface DrawnFigure {
  readonly id: string;
  readonly title: string;
  readonly caption: string;
  readonly label: string;
  /** Markup, for a desk and for a telephone. */
  readonly wide: string;
  readonly narrow: string;
}

/** The twin of the report, as far as it is shown. */
export interface Findings {
  readonly answer: { readonly sentences: readonly string[] };
  readonly genes: readonly FoundGene[];
  readonly evidence: readonly EvidenceRow[];
  readonly figures: readonly DrawnFigure[];
}

/** Its place on this server, wherever its bytes are. */
export const fileOnServer = (runId: string, name: string): string =>
  `/api/v1/runs/${encodeURIComponent(runId)}/files/${encodeURIComponent(name)}`;

const FORMAT = "haystack-report/1";

/** The findings of a run; null where it has none: an earlier release made it. */
export function useFindings({ run_id, files }: Result): Loaded<Findings | null> {
  const name = files.find(({ kind }) => kind === "findings")?.name;
  return useLoaded(
    async (signal) => {
      if (name === undefined) return null;
      const told = (await (await request(fileOnServer(run_id, name), { signal })).json()) as {
        readonly format?: unknown;
      };
      return told.format === FORMAT ? (told as unknown as Findings) : null;
    },
    [run_id, name],
  );
}
