import type { JSX } from "preact";
import type { EvidenceRow } from "../findings.ts";
import { plural, words } from "../words.ts";

function verdict({ supports, silent }: EvidenceRow): string {
  if (supports) return "✓ supports";
  return silent === true ? "– neither" : "✗ contradicts";
}

/** A source with its pages as links. */
function Source({ row: { source, links } }: { readonly row: EvidenceRow }): JSX.Element {
  const parts: (string | JSX.Element)[] = [];
  let rest = source;
  for (const { text, url } of links) {
    const at = rest.indexOf(text);
    if (at < 0 || !url.startsWith("https://")) continue;
    parts.push(
      rest.slice(0, at),
      <a key={url} href={url} target="_blank" rel="noopener noreferrer">
        {text}
      </a>,
    );
    rest = rest.slice(at + text.length);
  }
  return (
    <>
      {parts}
      {rest}
    </>
  );
}

function Rows({
  rows,
  label,
}: {
  readonly rows: readonly EvidenceRow[];
  readonly label: string;
}): JSX.Element {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>
            <th scope="col">Verdict</th>
            <th scope="col">Statement</th>
            <th scope="col">Component</th>
            <th scope="col">Source</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id}>
              <td class="verdict">{verdict(row)}</td>
              <td>{row.statement}</td>
              <td>{words(row.component)}</td>
              <td>
                <Source row={row} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Folded({
  rows,
  label,
}: {
  readonly rows: readonly EvidenceRow[];
  readonly label: string;
}): JSX.Element | null {
  return rows.length === 0 ? null : (
    <details>
      <summary>
        {label}: {plural(rows.length, "row")}
      </summary>
      <Rows rows={rows} label={label} />
    </details>
  );
}

/** What speaks against the prediction is shown; the rest is folded. */
export function Evidence({ rows }: { readonly rows: readonly EvidenceRow[] }): JSX.Element {
  const against = rows.filter(({ supports, silent }) => !supports && silent !== true);
  return (
    <section aria-labelledby="evidence-title">
      <h2 id="evidence-title">Evidence</h2>
      {rows.length === 0 && (
        <p class="hint">No evidence was found for or against this prediction.</p>
      )}
      {rows.length > 0 && against.length === 0 && (
        <p class="hint">Nothing that was looked for contradicts the prediction.</p>
      )}
      {against.length > 0 && <Rows rows={against} label="What contradicts it" />}
      <Folded
        rows={rows.filter(({ supports, silent }) => !supports && silent === true)}
        label="Looked for and not seen"
      />
      <Folded rows={rows.filter(({ supports }) => supports)} label="What supports it" />
    </section>
  );
}
