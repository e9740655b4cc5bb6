/** The in-memory form of an AnnData object, as far as this product reads and writes it. */

/**
 * Compressed sparse row matrix. `indptr` has nRows + 1 entries; column indices ascend within a row.
 */
export interface CsrMatrix {
  readonly nRows: number;
  readonly nCols: number;
  readonly data: Float32Array;
  readonly indices: Int32Array;
  readonly indptr: Int32Array;
}

/**
 * A CSR matrix in pieces of consecutive rows, for one that memory need not hold. Its values are
 * whole numbers of at most so many bytes; 4: any float32.
 */
export interface CsrPieces {
  readonly nRows: number;
  readonly nCols: number;
  /** Stored values of all pieces, at least one; more than there are where that is not known yet. */
  readonly nStored: number;
  readonly valueBytes: 1 | 2 | 4;
  readonly pieces: Iterable<CsrMatrix>;
}

/**
 * A column of obs or var. Text may be missing (null); numbers use NaN for missing; flags are
 * booleans in the file too.
 */
export type Column =
  | readonly (string | null)[]
  | Float64Array
  | Float32Array
  | Int32Array
  | readonly boolean[];

/**
 * obs or var: an index (unique names, one a row) and named columns of the same length, in insertion
 * order.
 */
export interface DataFrame {
  readonly index: readonly string[];
  readonly columns: Readonly<Record<string, Column>>;
}

/**
 * What `uns` may hold: scalars, arrays of one type, nested groups. Longer structures are stored as
 * JSON text.
 */
export type UnsValue =
  | string
  | number
  | boolean
  | readonly string[]
  | readonly number[]
  | readonly boolean[]
  | Float64Array
  | { readonly [key: string]: UnsValue };

export interface AnnData {
  readonly X: CsrMatrix;
  /** Further matrices of the shape of X; what is read from a file has none. */
  readonly layers?: Readonly<Record<string, CsrMatrix>>;
  readonly obs: DataFrame;
  readonly var: DataFrame;
  readonly uns: Readonly<Record<string, UnsValue>>;
}
