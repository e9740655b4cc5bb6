import type { Wish } from "../../actors/run-wishes.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import type { ServerParts } from "../parts.ts";

/** A run that is hosted elsewhere, or by nobody, may take longer; its wish is stored all the same. */
const SOON_MS = 1_000;

const GRANTED: Readonly<Record<Wish, (document: RunDocument) => boolean>> = {
  cancel: ({ status }) => status === "cancelled",
  retry: ({ status }) => status !== "failed",
};

/** Stores the wish by `deliver`, and resolves when a commit here has granted it, or a second later. */
export async function untilGranted(
  { commits, clock }: Pick<ServerParts, "commits" | "clock">,
  runId: string,
  wish: Wish,
  deliver: () => Promise<void>,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const unsubscribe = commits.subscribe(runId, (document) => {
    if (GRANTED[wish](document)) resolve();
  });
  try {
    await deliver();
    const forget = clock.after(SOON_MS, resolve);
    await promise;
    forget();
  } finally {
    unsubscribe();
  }
}
