import type { protos } from "@google-cloud/batch";
import { phrase } from "../../../system-words.ts";
import type { JobHold, JobHoldKind } from "../index.ts";

type GoogleEvent = protos.google.cloud.batch.v1.IStatusEvent;

/**
 * What events say of machines, by the codes of Compute Engine in them (CODE_GCE_QUOTA_EXCEEDED,
 * CODE_GCE_ZONE_RESOURCE_POOL_EXHAUSTED ...) or by its sentences. The first that fits counts.
 */
const KINDS: readonly {
  readonly kind: JobHoldKind;
  readonly said: RegExp;
  readonly remedy: string;
}[] = [
  {
    kind: "quota",
    said: /quota/i,
    remedy: "raise that quota of the project and region, or choose another machine",
  },
  {
    kind: "capacity",
    said: /RESOURCE_POOL_EXHAUSTED|STOCKOUT|(not|n't) have enough resources|resource_availability|no (available )?capacity|currently unavailable/i,
    remedy: "wait, or choose other machines, zones or BATCH_PROVISIONING=STANDARD",
  },
  {
    kind: "permission",
    said: /permission|forbidden|unauthori[sz]ed|access denied|\bactAs\b|serviceAccountUser/i,
    remedy: "give the account that role (docs/deploy.md lists them)",
  },
  {
    kind: "invalid",
    said: /INVALID|UNSUPPORTED|BAD_REQUEST|NOT_FOUND|does not exist|not supported|non-?retryable/i,
    remedy: "correct the BATCH_ variable that it concerns",
  },
];

/** True of what Batch tells of every change of a state: it says nothing of machines. */
const isStateChange = ({ description }: GoogleEvent): boolean =>
  /^(Job|Task) state is (set|updated)/.test(description ?? "");

/** Whether it tells of machines, quota or permissions. */
export const isOfMachines = (event: GoogleEvent): boolean =>
  (event.description ?? "") !== "" && !isStateChange(event);

/** Events in their order; the newest that tells of machines, quota or permissions. */
export const newestWords = (events: readonly GoogleEvent[]): string | undefined =>
  events.findLast(isOfMachines)?.description ?? undefined;

/** Batch's words, of which kind they are, and what to do. */
export function holdOf(words: string): JobHold {
  const { kind, remedy } = KINDS.find(({ said }) => said.test(words)) ?? {
    kind: "other" as const,
    remedy: "look at the job in Google Cloud",
  };
  return { kind, reason: `Google Batch has no machine for it: ${phrase(words)}; ${remedy}.` };
}
