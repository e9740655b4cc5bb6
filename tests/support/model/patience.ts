/**
 * How long to wait for what a planted fault is expected to show: a run that gets stuck is one soon
 * enough, and everything else may take its time on a busy machine. Milliseconds.
 */
export const patienceFor = (expected: RegExp): number =>
  expected.source.includes("did not happen") ? 3_000 : 30_000;
