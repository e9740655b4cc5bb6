import type { JSX } from "preact";
import { time } from "../words.ts";
import type { Commit } from "./states.ts";

const told = ({ transitions }: Commit): string =>
  transitions
    .map(
      ({ actor, event, from, to }) =>
        `${actor}: ${from === "" ? "begins" : from} → ${to} (${event})`,
    )
    .join("; ");

/** Goes through the commits of a run; at the last one it follows what comes. */
export function Scrubber({
  commits,
  shown,
  onShow,
}: {
  readonly commits: readonly Commit[];
  /** How many commits are shown, from the first on. */
  readonly shown: number;
  readonly onShow: (shown: number) => void;
}): JSX.Element {
  const { length } = commits;
  const commit = commits[shown - 1];
  const isLast = shown === length;
  const began = Date.parse(commits[0]?.at ?? "");
  return (
    <section class="card scrubber" aria-labelledby="scrubber-title">
      <div class="row spread">
        <h2 id="scrubber-title">History</h2>
        <p class="row">
          <button type="button" disabled={shown <= 1} onClick={() => onShow(shown - 1)}>
            Earlier
          </button>
          <button type="button" disabled={isLast} onClick={() => onShow(shown + 1)}>
            Later
          </button>
          <button type="button" disabled={isLast} onClick={() => onShow(length)}>
            Now
          </button>
        </p>
      </div>
      <input
        type="range"
        min={1}
        max={length}
        value={shown}
        aria-label="Commit of the run"
        aria-valuetext={commit === undefined ? "none" : `${shown} of ${length}: ${time(commit.at)}`}
        onInput={(event) => onShow(Number(event.currentTarget.value))}
      />
      {commit !== undefined && (
        <p>
          Commit {shown} of {length} (revision {commit.revision}),{" "}
          <time dateTime={commit.at}>{time(commit.at)}</time>,{" "}
          {((Date.parse(commit.at) - began) / 1_000).toFixed(1)} s after the first
          {isLast ? "; it follows what comes" : ""}.<span class="second told">{told(commit)}</span>
        </p>
      )}
    </section>
  );
}
