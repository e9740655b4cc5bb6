import type { CsrMatrix } from "../anndata/anndata.ts";
import { columnMeans } from "./normalise.ts";

/** Of the whole spectrum: what a component may still be off by. */
const TOLERANCE = 1e-11;
/** The small matrix is solved anew whenever it has grown by this much. */
const GROWTH = 1.3;

export interface PrincipalComponents {
  /** One array a component, a value for each row: the row's place along it. */
  readonly scores: readonly Float64Array[];
  /** The share of the total variance that each explains, 0 to 1; all 0 where nothing varies. */
  readonly variance_ratio: readonly number[];
}

/**
 * The first `wanted` principal components of the rows of X, columns centred and not scaled; exact up
 * to rounding, and the same bytes for the same input. The sign is that with which the largest loading
 * is positive, as in scikit-learn. X stays sparse: Lanczos' method with full reorthogonalisation on
 * the products of the centred rows (Golub and Van Loan, Matrix Computations, 10.1), and Jacobi's
 * rotations for the small matrix that it leaves.
 */
export function principalComponents(X: CsrMatrix, wanted: number): PrincipalComponents {
  const means = columnMeans(X);
  const n = X.nRows;
  const basis: Float64Array[] = [];
  const diagonal: number[] = [];
  const beside: number[] = [];
  const total = totalVariance(X, means);
  let lookAt = 8;
  /** The variance that is not along the basis. */
  let left = total;
  let next = unit(startVector(n, 0));
  let found = { values: [] as number[], vectors: [] as Float64Array[] };
  while (basis.length < n && total > 0) {
    basis.push(next);
    const image = centredProduct(X, means, next);
    diagonal.push(dot(image, next));
    withoutParts(image, basis);
    let length = norm(image);
    if (length <= TOLERANCE * total) {
      // What is left is apart from everything so far: begin anew beside it.
      length = 0;
      image.set(startVector(n, basis.length));
      withoutParts(image, basis);
    }
    left -= diagonal.at(-1)!;
    const isLast = basis.length === n || left <= TOLERANCE * total;
    if (isLast || basis.length >= lookAt) {
      lookAt = Math.ceil(basis.length * GROWTH);
      found = tridiagonalEigen(diagonal, beside);
      const off = found.vectors
        .slice(0, wanted)
        .map((vector) => Math.abs(length * vector[basis.length - 1]!));
      const isClear = basis.length > wanted && length > 0;
      if (isLast || (isClear && Math.max(...off) <= TOLERANCE * total)) break;
    }
    beside.push(length);
    next = unit(image);
  }
  const components = Array.from({ length: wanted }, (_, k) => {
    const value = found.values[k] ?? 0;
    const vector = found.vectors[k];
    return value > TOLERANCE * total && vector !== undefined
      ? scoresOf(X, means, { vector, value, basis })
      : new Float64Array(n);
  });
  return {
    scores: components,
    variance_ratio: components.map((scores) => (total > 0 ? dot(scores, scores) / total : 0)),
  };
}

function scoresOf(
  X: CsrMatrix,
  means: Float64Array,
  {
    vector,
    value,
    basis,
  }: {
    readonly vector: Float64Array;
    readonly value: number;
    readonly basis: readonly Float64Array[];
  },
): Float64Array {
  const scores = new Float64Array(X.nRows);
  basis.forEach((part, step) => addTimes(scores, part, vector[step]!));
  const size = Math.sqrt(value) / norm(scores);
  let largest = 0;
  for (const loading of ontoColumns(X, means, scores))
    if (Math.abs(loading) > Math.abs(largest)) largest = loading;
  return scores.map((score) => score * size * (largest < 0 ? -1 : 1));
}

/** (X - means)'u, one value a column. */
function ontoColumns(X: CsrMatrix, means: Float64Array, u: Float64Array): Float64Array {
  const sums = new Float64Array(X.nCols);
  let all = 0;
  for (let row = 0; row < X.nRows; row += 1) {
    const weight = u[row]!;
    all += weight;
    for (let k = X.indptr[row]!; k < X.indptr[row + 1]!; k += 1)
      sums[X.indices[k]!]! += weight * X.data[k]!;
  }
  return sums.map((sum, column) => sum - means[column]! * all);
}

/** (X - means)(X - means)'u, one value a row. */
function centredProduct(X: CsrMatrix, means: Float64Array, u: Float64Array): Float64Array {
  const columns = ontoColumns(X, means, u);
  const shift = dot(columns, means);
  const product = new Float64Array(X.nRows);
  for (let row = 0; row < X.nRows; row += 1) {
    let sum = -shift;
    for (let k = X.indptr[row]!; k < X.indptr[row + 1]!; k += 1)
      sum += X.data[k]! * columns[X.indices[k]!]!;
    product[row] = sum;
  }
  return product;
}

function totalVariance(X: CsrMatrix, means: Float64Array): number {
  let sum = 0;
  for (const value of X.data) sum += value * value;
  const total = sum - X.nRows * dot(means, means);
  return total > TOLERANCE * sum ? total : 0;
}

/** Takes out what lies along the basis; twice, so that rounding leaves nothing of it. */
function withoutParts(vector: Float64Array, basis: readonly Float64Array[]): void {
  for (let turn = 0; turn < 2; turn += 1)
    for (const part of basis) addTimes(vector, part, -dot(vector, part));
}

/** Eigenvalues, largest first, and eigenvectors of a symmetric tridiagonal matrix, by Jacobi's rotations. */
function tridiagonalEigen(
  diagonal: readonly number[],
  beside: readonly number[],
): { values: number[]; vectors: Float64Array[] } {
  const n = diagonal.length;
  const A = diagonal.map((value, i) => {
    const row = new Float64Array(n);
    row[i] = value;
    if (i > 0) row[i - 1] = beside[i - 1]!;
    if (i < n - 1) row[i + 1] = beside[i]!;
    return row;
  });
  const V = diagonal.map((_, i) => {
    const row = new Float64Array(n);
    row[i] = 1;
    return row;
  });
  const size = Math.max(...A.map(norm), Number.MIN_VALUE);
  for (let isDone = false; !isDone;) {
    isDone = true;
    for (let p = 0; p < n; p += 1)
      for (let q = p + 1; q < n; q += 1) {
        if (Math.abs(A[p]![q]!) <= 1e-16 * size) continue;
        isDone = false;
        rotate(A, V, p, q);
      }
  }
  const order = [...diagonal.keys()].toSorted((a, b) => A[b]![b]! - A[a]![a]!);
  return { values: order.map((i) => A[i]![i]!), vectors: order.map((i) => V[i]!) };
}

/** Makes A[p][q] zero; the rows of V become the eigenvectors. */
function rotate(
  A: readonly Float64Array[],
  V: readonly Float64Array[],
  p: number,
  q: number,
): void {
  const theta = (A[q]![q]! - A[p]![p]!) / (2 * A[p]![q]!);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1);
  const s = t * c;
  for (const row of A) [row[p], row[q]] = [c * row[p]! - s * row[q]!, s * row[p]! + c * row[q]!];
  for (const [one, other] of [
    [A[p]!, A[q]!],
    [V[p]!, V[q]!],
  ] as const)
    for (let k = 0; k < one.length; k += 1)
      [one[k], other[k]] = [c * one[k]! - s * other[k]!, s * one[k]! + c * other[k]!];
}

const startVector = (n: number, turn: number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => Math.sin((i + 1) * (turn + 1)) + 1 / (i + 2));

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i]! * b[i]!;
  return sum;
}

const norm = (vector: Float64Array): number => Math.sqrt(dot(vector, vector));

function unit(vector: Float64Array): Float64Array {
  const length = norm(vector);
  return vector.map((value) => value / length);
}

function addTimes(target: Float64Array, vector: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i += 1) target[i]! += factor * vector[i]!;
}
