import type { CsrMatrix } from "../anndata/anndata.ts";
import { takeRows } from "../prompting/csr-rows.ts";
import { countsWithMeans } from "../response/integer-counts.ts";
import { meanProfile } from "../statistics/normalise.ts";
import type { TruthCells } from "./judge.ts";
import { panelMember, type PanelMember } from "./vcc2026.ts";

/** What the vcc2026 suite compares: the prediction, and the two that its scale is made of. */
export interface Candidates {
  readonly prediction: PanelMember;
  /** The query cells with the mean of the other responses; null without any. */
  readonly mean_response: PanelMember | null;
  /**
   * One half of the perturbed cells with the controls of the query, as prediction of the other half
   * with those of the truth.
   */
  readonly repeated: PanelMember;
}

/** `predicted`: counts of the delivered cells. */
export function panelMembers(
  { genes, treated, query, control, treatedHalves }: TruthCells,
  predicted: CsrMatrix,
  {
    perturbation,
    meanResponse,
    seed,
  }: {
    readonly perturbation: string;
    readonly meanResponse: Float64Array | null;
    readonly seed: number;
  },
): Candidates {
  const member = (made: CsrMatrix): PanelMember =>
    panelMember({
      genes,
      perturbation,
      real: { treated: treated.counts, control: control.counts },
      pred: { treated: made, control: control.counts },
    });
  const [one, other] = treatedHalves.map((rows) => takeRows(treated.counts, rows));
  const before = meanProfile(query.counts);
  return {
    prediction: member(predicted),
    mean_response:
      meanResponse === null
        ? null
        : member(
            countsWithMeans(
              query.counts,
              before.map((mean, gene) => Math.max(0, mean + meanResponse[gene]!)),
              seed,
            ),
          ),
    repeated: panelMember({
      genes,
      perturbation,
      real: { treated: other!, control: control.counts },
      pred: { treated: one!, control: query.counts },
    }),
  };
}
