import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Result } from "../api/client.ts";
import type { FoundGene } from "../findings.ts";
import { pValue, signed } from "../words.ts";

const SHOWN_FIRST = 15;

type Gene = Result["top_genes"][number] & Partial<FoundGene>;

/** Ranked genes, with what is known of each; results of earlier releases know the change only. */
export function Genes({ genes }: { readonly genes: readonly Gene[] }): JSX.Element {
  const [isWhole, setWhole] = useState(false);
  const most = Math.max(...genes.map(({ log2_fold_change: change }) => Math.abs(change)), 1e-9);
  const isDetailed = genes.some(({ delta }) => delta !== undefined);
  const shown = isWhole ? genes : genes.slice(0, SHOWN_FIRST);
  return (
    <section aria-labelledby="genes-title">
      <h2 id="genes-title">Genes, by rank</h2>
      {genes.length === 0 ? (
        <p class="hint">No gene was called.</p>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label="Table of genes">
          <table class="genes">
            <thead>
              <tr>
                <th scope="col">Gene</th>
                <th scope="col" class="number">
                  log2 fold change
                </th>
                <td />
                {isDetailed && (
                  <>
                    <th scope="col" class="number">
                      Reliability
                    </th>
                    <th scope="col" class="number">
                      adjusted p
                    </th>
                  </>
                )}
              </tr>
            </thead>
            <tbody>
              {shown.map(({ gene, log2_fold_change: change, is_target, ...more }) => (
                <tr key={gene}>
                  <th scope="row">
                    {gene}
                    {is_target === true && <span class="tag">expected</span>}
                  </th>
                  <td class="number">{signed(change)}</td>
                  <td class="change" aria-hidden="true">
                    <span
                      class={change < 0 ? "down" : "up"}
                      style={{ width: `${(100 * Math.abs(change)) / most}%` }}
                    />
                  </td>
                  {isDetailed && (
                    <>
                      <td class="number">{more.reliability?.toFixed(2) ?? "–"}</td>
                      <td class="number">
                        {more.p_adjusted === undefined ? "–" : pValue(more.p_adjusted)}
                      </td>
                    </>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {genes.length > shown.length && (
        <button type="button" onClick={() => setWhole(true)}>
          All {genes.length} genes
        </button>
      )}
      {isDetailed && (
        <p class="hint">
          Reliability, 0 to 1: the share of the change that the measured responses behind the
          prediction bear out.
        </p>
      )}
    </section>
  );
}
