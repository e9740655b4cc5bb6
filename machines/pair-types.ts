/** A stored object: path and content hash. Contexts hold references, never matrices. */
export interface ObjectReference {
  readonly path: string;
  readonly sha256: string;
}

export type PairKind = "prediction" | "control";

/**
 * What is predicted in a round: for its first prompt `prediction` and `control`, for its second
 * `prediction-2` and, where its controls are others than those before, `control-2`.
 */
export type PairName = PairKind | `${PairKind}-${number}`;

/** The job of one pair, or the one that holds all pairs of a round. */
export type JobKind = PairKind | "round";

/** The pairs of one prompt; `control` null where the query cells are what it is compared with. */
export interface PromptPairs {
  readonly prediction: PairName;
  readonly control: PairName | null;
}

/** An earlier prediction of the same work, stored again for this run; where it was made. */
export interface FoundPair extends ObjectReference {
  readonly run_id: string;
  readonly iteration: number;
}
export type FoundPairs = Readonly<Partial<Record<PairName, FoundPair>>>;

/** The predictions of a job, by pair. */
export type PredictedPairs = Readonly<Partial<Record<PairName, ObjectReference>>>;

export interface PreparedJob {
  /** Pairs that need not be predicted again. */
  readonly found: FoundPairs;
  /** Where the predictions of the others are noted once they are valid, as object paths. */
  readonly notes: Readonly<Partial<Record<PairName, string>>>;
}
