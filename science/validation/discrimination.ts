/**
 * The metrics of Arc's cell-eval 0.8.2 that rank perturbations against each other, under its names.
 * NaN for a perturbation without another of the same cells, where the package says 1.
 */
export interface Discrimination {
  readonly discrimination_score_l1: number;
  readonly discrimination_score_l2: number;
  readonly discrimination_score_cosine: number;
}

/** Predicted and measured difference of means by gene, each from its own controls. */
export interface Effects {
  readonly perturbation: string;
  /** The gene that is perturbed itself, -1 where none is. */
  readonly own: number;
  readonly predicted: Float64Array;
  readonly measured: Float64Array;
}

type Distance = (a: Float64Array, b: Float64Array) => number;

const sumOf = (a: Float64Array, term: (value: number, gene: number) => number): number =>
  a.reduce((sum, value, gene) => sum + term(value, gene), 0);

const DISTANCES: Readonly<Record<keyof Discrimination, Distance>> = {
  discrimination_score_l1: (a, b) => sumOf(a, (value, gene) => Math.abs(value - b[gene]!)),
  discrimination_score_l2: (a, b) => Math.sqrt(sumOf(a, (value, gene) => (value - b[gene]!) ** 2)),
  discrimination_score_cosine: (a, b) => {
    const lengths = Math.sqrt(sumOf(a, (value) => value ** 2) * sumOf(b, (value) => value ** 2));
    return lengths === 0 ? 1 : 1 - sumOf(a, (value, gene) => value * b[gene]!) / lengths;
  },
};

/**
 * 1 - rank / n of the own measured effect among the n of the panel, by distance from the predicted
 * one without the perturbed gene; equal distances in the order of the names.
 */
export function discrimination(panel: readonly Effects[]): Discrimination[] {
  return panel.map((asked) => {
    const score = (distance: Distance): number => {
      if (panel.length < 2) return Number.NaN;
      const predicted = without(asked.predicted, asked.own);
      const to = (measured: Float64Array) => distance(predicted, without(measured, asked.own));
      const own = to(asked.measured);
      const nearer = panel.filter((other) => {
        if (other === asked) return false;
        const away = to(other.measured);
        return away < own || (away === own && other.perturbation < asked.perturbation);
      }).length;
      return 1 - nearer / panel.length;
    };
    return Object.fromEntries(
      Object.entries(DISTANCES).map(([name, distance]) => [name, score(distance)]),
    ) as Record<keyof Discrimination, number>;
  });
}

const without = (values: Float64Array, gene: number): Float64Array =>
  gene === -1 ? values : values.filter((_, at) => at !== gene);
