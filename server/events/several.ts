import { isJudgedRun } from "../../actors/run-details.ts";
import type { RunWatcher, WatchedRun } from "../../actors/watch/run-watcher.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import { followedRunSchema } from "../runs/schemas.ts";
import type { EventStream } from "./stream.ts";

/** Runs that one stream follows: as many as a page of the window's list has at most. */
export const MOST_FOLLOWED = 100;

const FIELDS = Object.keys(followedRunSchema.shape).filter(
  (field): field is keyof RunDocument => field !== "is_judged",
);

/** Those who follow the same run share the text. */
const texts = new WeakMap<RunDocument, string>();

function textOf(document: RunDocument): string {
  const known = texts.get(document);
  if (known !== undefined) return known;
  const shown = {
    ...Object.fromEntries(FIELDS.map((field) => [field, document[field]])),
    is_judged: isJudgedRun(document),
  };
  const text = `event: run\ndata: ${JSON.stringify(shown)}\n\n`;
  texts.set(document, text);
  return text;
}

/**
 * Sends each of the runs as it stands, and again after every change. `began` is called when nothing
 * can be refused any more.
 */
export async function followSeveral(
  stream: EventStream,
  watcher: Pick<RunWatcher, "watch">,
  runIds: readonly string[],
  maySee: (document: RunDocument) => boolean,
  began: () => void,
): Promise<void> {
  const opened = await Promise.allSettled(runIds.map((runId) => watcher.watch(runId, stream.news)));
  const all = opened.flatMap((each): WatchedRun[] =>
    each.status === "fulfilled" && each.value !== undefined ? [each.value] : [],
  );
  try {
    for (const each of opened) if (each.status === "rejected") throw each.reason;
    const watched = all.filter((run) => maySee(run.document()));
    const shown = new Map<WatchedRun, RunDocument>();
    began();
    await stream.send(() => {
      let text = "";
      for (const run of watched) {
        const document = run.document();
        if (shown.get(run) === document) continue;
        shown.set(run, document);
        text += textOf(document);
      }
      return { text, isWhole: true, isLast: false };
    });
  } finally {
    for (const run of all) run.close();
  }
}
