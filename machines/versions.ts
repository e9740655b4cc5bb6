import { RUN_MACHINE } from "./run.ts";

/** Turns a snapshot of a released machine version into one of the next version. */
type Migration = (snapshot: object) => object;

/**
 * One entry for every released version but the newest. Golden snapshots in tests/machines/golden/
 * hold each to its word (D10).
 */
const MIGRATIONS: Readonly<Record<string, { readonly to: string; readonly migrate: Migration }>> =
  {};

/**
 * The snapshot as the present machine reads it; undefined when no chain of migrations leads here.
 */
export function migrateSnapshot(
  machine: { readonly id: string; readonly version: string },
  snapshot: object,
): object | undefined {
  if (machine.id !== RUN_MACHINE.id) return undefined;
  let current = snapshot;
  for (let version = machine.version; version !== RUN_MACHINE.version;) {
    const step = MIGRATIONS[version];
    if (step === undefined) return undefined;
    current = step.migrate(current);
    version = step.to;
  }
  return current;
}
