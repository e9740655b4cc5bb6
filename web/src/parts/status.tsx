import type { JSX } from "preact";
import type { ListedRun } from "../api/client.ts";
import { PHASE_WORDS, SHOWN_WORDS, shownAs, type Shown } from "../words.ts";

/** Told apart by form and word as well as by colour. */
const MARKS: Readonly<Record<Shown, string>> = {
  pending: "○",
  running: "◐",
  completed: "●",
  failed: "✕",
  cancelled: "–",
  cancelling: "◌",
  interrupted: "!",
};

export function Status({
  run,
  withPhase = false,
}: {
  readonly run: Pick<ListedRun, "status" | "current_phase"> & { readonly interrupted?: boolean };
  readonly withPhase?: boolean;
}): JSX.Element {
  const shown = shownAs(run);
  return (
    <span class={`status ${shown}`}>
      <span aria-hidden="true">{MARKS[shown]}</span> {SHOWN_WORDS[shown]}
      {withPhase && shown === "running" && run.current_phase !== null && (
        <span class="phase">: {PHASE_WORDS[run.current_phase]}</span>
      )}
    </span>
  );
}
