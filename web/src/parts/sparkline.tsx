import type { JSX } from "preact";

const STEP = 12;
const HEIGHT = 22;
const PAD = 4;
const LEAST = 1;
const MOST = 10;

/** Scores of 1 to 10, one for each iteration, as a line that is read out as text. */
export function Sparkline({ scores }: { readonly scores: readonly number[] }): JSX.Element {
  if (scores.length === 0) return <span class="none">–</span>;
  const last = scores[scores.length - 1]!;
  const points = scores.map((score, place) => [
    PAD + place * STEP,
    HEIGHT - PAD - ((score - LEAST) / (MOST - LEAST)) * (HEIGHT - 2 * PAD),
  ]);
  const [x = 0, y = 0] = points[points.length - 1]!;
  return (
    <span class="spark">
      <svg
        width={2 * PAD + (scores.length - 1) * STEP}
        height={HEIGHT}
        role="img"
        aria-label={`Scores of the iterations: ${scores.join(", ")}`}
      >
        <polyline points={points.map((point) => point.join(",")).join(" ")} />
        <circle cx={x} cy={y} r={2.5} />
      </svg>
      <span aria-hidden="true">{last}</span>
    </span>
  );
}
