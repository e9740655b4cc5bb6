import { note } from "../output.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

async function whileListening<Result>(
  onInterrupt: () => void,
  work: () => Promise<Result>,
): Promise<Result> {
  for (const signal of SIGNALS) process.on(signal, onInterrupt);
  try {
    return await work();
  } finally {
    for (const signal of SIGNALS) process.off(signal, onInterrupt);
  }
}

/**
 * Waits for the run's end. The first interrupt cancels the run properly; the second leaves at once,
 * and the run can be taken up again.
 */
export async function cancelOnInterrupt<Result>(
  runId: string,
  cancel: () => Promise<unknown>,
  work: () => Promise<Result>,
): Promise<{ readonly document: Result; readonly interrupted: boolean }> {
  let interrupts = 0;
  const onInterrupt = (): void => {
    interrupts += 1;
    if (interrupts > 1) process.exit(130);
    note(`Cancelling ${runId}; press Ctrl-C again to exit without waiting.`);
    cancel().catch((error: unknown) => note(String(error)));
  };
  const document = await whileListening(onInterrupt, work);
  return { document, interrupted: interrupts > 0 };
}

/** Undefined when an interrupt ended the waiting; the run goes on. */
export async function leaveOnInterrupt<Result>(
  runId: string,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result | undefined> {
  const leaving = new AbortController();
  try {
    return await whileListening(
      () => leaving.abort(),
      () => work(leaving.signal),
    );
  } catch (thrown) {
    if (!leaving.signal.aborted) throw thrown;
    note(`The run continues; follow it with: haystack watch ${runId}`);
    return undefined;
  }
}
