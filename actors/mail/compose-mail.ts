import { given } from "../../given.ts";
import { isJudged } from "../../science/grounding/meaning.ts";
import { renderMail } from "../../science/report/mail-text.ts";
import { restsOn } from "../../science/report/rests-on.ts";
import type { BatchService } from "../../services/batch/index.ts";
import type { Clock } from "../../services/clock/index.ts";
import type { Mail } from "../../services/mail/index.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import type { OutboxEntry } from "../../services/runs/index.ts";
import type { AtlasCatalogue } from "../atlas-catalogue.ts";
import { keptFor } from "../kept-for.ts";

export type ComposeMail = (document: RunDocument, entry: OutboxEntry) => Promise<Mail>;

const base = (publicUrl: string): string => publicUrl.replace(/\/+$/, "");

/** What the delivered iteration says, where there is one. */
function delivered({ iterations, delivered_iteration }: RunDocument) {
  const found = iterations.find(({ iteration }) => iteration === delivered_iteration);
  if (found === undefined) return {};
  const { verdict, reading, component_scores } = found;
  return {
    ...given({ verdict, reading }),
    is_judged: isJudged(component_scores),
  };
}

const ATLASES_KEPT_MS = 5_000;

/**
 * The mail that an outbox entry owes. A run of an earlier release does not say what it rests on:
 * then this daemon's model and atlases stand for those it had.
 * With the server's public address it links to the page of the
 * run.
 */
export const composeMail = (
  model: BatchService["model"],
  atlases: Pick<AtlasCatalogue, "list">,
  clock: Pick<Clock, "elapsed">,
  publicUrl?: string,
): ComposeMail => {
  // Many mails are owed at the same time, and the list reads every index.
  const present = keptFor(ATLASES_KEPT_MS, clock, () => atlases.list());
  return async (document, { key, kind }) => {
    const { datasets } = document.config;
    const link =
      publicUrl === undefined
        ? {}
        : { link: `${base(publicUrl)}/run#${encodeURIComponent(document.run_id)}` };
    const asked = async () =>
      (await present()).filter(
        ({ dataset }) => datasets.length === 0 || datasets.includes(dataset),
      );
    return {
      key,
      to: document.user_email ?? "",
      ...renderMail(kind, {
        ...document,
        ...delivered(document),
        ...link,
        rests_on: restsOn({
          ...document,
          atlases:
            document.atlases ??
            (await asked()).map(({ dataset, simulated }) => ({ dataset, simulated })),
          iterations: document.iterations.map((iteration) => ({ model, ...iteration })),
        }),
      }),
    };
  };
};
