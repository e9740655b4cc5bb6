import { systemWords } from "../../../system-words.ts";
import { HaystackError, machineFault } from "../../../errors.ts";

/** Errors: STEP_ABORTED, DISK_FULL, TOO_MANY_FILES, OBJECTS_UNAVAILABLE; those of ours as they are. */
export async function guarded<Result>(
  signal: AbortSignal | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  if (signal?.aborted === true)
    throw new HaystackError("STEP_ABORTED", "The call to the local executor was stopped.");
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof HaystackError) throw thrown;
    const fault = machineFault(thrown, "The use of the folder of local jobs");
    if (fault !== undefined) throw fault;
    const why = systemWords(thrown) ?? (thrown instanceof Error ? thrown.message : String(thrown));
    throw new HaystackError(
      "OBJECTS_UNAVAILABLE",
      `The folder of local jobs cannot be used: ${why}; check the disk and its permissions.`,
      { cause: thrown },
    );
  }
}
