import { RUN_MACHINE } from "./run.ts";

/** Turns a snapshot of a released machine version into one of the next version. */
type Migration = (snapshot: object) => object;

interface Stored {
  readonly value?: unknown;
  readonly children?: Readonly<Record<string, { readonly snapshot: Stored }>> | null;
  readonly context?: Readonly<Record<string, unknown>>;
}

/**
 * A round had a job for each kind of prediction: what is under way goes on so. A job had one
 * prediction.
 */
function toVersion2(snapshot: Stored): Stored {
  const { value, children } = snapshot;
  const inferring = (value as { readonly inferring?: object } | null | undefined)?.inferring;
  const withOutputs = ([id, child]: [string, { readonly snapshot: Stored }]) => {
    if (id !== "predictionJob" && id !== "controlJob") return [id, child];
    const { predictions, ...context } = child.snapshot.context ?? {};
    const outputs = predictions == null ? null : { [id.replace("Job", "")]: predictions };
    return [id, { ...child, snapshot: { ...child.snapshot, context: { ...context, outputs } } }];
  };
  return {
    ...snapshot,
    ...(inferring === undefined ? {} : { value: { inferring: { separate: inferring } } }),
    children: Object.fromEntries(Object.entries(children ?? {}).map(withOutputs)) as NonNullable<
      Stored["children"]
    >,
  };
}

/**
 * One entry for every released version but the newest. Golden snapshots in tests/machines/golden/
 * hold each to its word (D10).
 */
const MIGRATIONS: Readonly<Record<string, { readonly to: string; readonly migrate: Migration }>> = {
  "1": { to: "2", migrate: toVersion2 },
};

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
