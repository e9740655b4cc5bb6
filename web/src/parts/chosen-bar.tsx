import type { JSX } from "preact";
import { go, link } from "../address.ts";
import type { ListedRun } from "../api/client.ts";
import { mayCancel, mayRetry, plural } from "../words.ts";

export type Wish = "cancel" | "retry";

/** What may be done with the runs that are chosen in the list. */
export function ChosenBar({
  mayChange,
  runs,
  onWish,
  onNone,
}: {
  readonly mayChange: boolean;
  readonly runs: readonly ListedRun[];
  readonly onWish: (wish: Wish) => void;
  readonly onNone: () => void;
}): JSX.Element {
  return (
    <div class="chosen" role="toolbar" aria-label="What to do with the chosen runs">
      <strong>{plural(runs.length, "run")} chosen</strong>
      <button
        type="button"
        disabled={!mayChange || !runs.some(mayCancel)}
        onClick={() => onWish("cancel")}
      >
        Cancel
      </button>
      <button
        type="button"
        disabled={!mayChange || !runs.some(mayRetry)}
        onClick={() => onWish("retry")}
      >
        Retry
      </button>
      <button
        type="button"
        disabled={runs.length < 2 || runs.length > 4}
        title="Two to four runs"
        onClick={() =>
          go(link(["compare"], new URLSearchParams(runs.map(({ run_id }) => ["id", run_id]))))
        }
      >
        Compare
      </button>
      <button type="button" class="plain" onClick={onNone}>
        Choose none
      </button>
    </div>
  );
}
