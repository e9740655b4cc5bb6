import type { RunStore } from "../services/runs/index.ts";
import { noOpRun, type Place } from "./durability-host.ts";

/** Milliseconds, bytes and counts, unless the name says otherwise. */
export type Figures = Readonly<Record<string, number>>;
export type Case = (place: Place, size: number) => Promise<Figures>;

export const round = (value: number, digits = 1): number => Number(value.toFixed(digits));

export const cpuSeconds = ({
  user,
  system,
}: {
  readonly user: number;
  readonly system: number;
}): number => (user + system) / 1e6;

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;

export function spread(times: readonly number[]): Figures {
  const sorted = times.toSorted((a, b) => a - b);
  return {
    samples: sorted.length,
    p50_ms: round(quantile(sorted, 0.5), 2),
    p99_ms: round(quantile(sorted, 0.99), 2),
    max_ms: round(sorted.at(-1) ?? Number.NaN, 2),
  };
}

/** Bytes in use after everything that can go has gone. */
export function memory(): { readonly used: number; readonly resident: number } {
  for (let pass = 0; pass < 4; pass++) globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { used: heapUsed + external, resident: rss };
}

export const ids = (count: number, prefix = "r"): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

export async function insertAll(
  store: RunStore,
  runIds: readonly string[],
  config = {},
): Promise<void> {
  for (let start = 0; start < runIds.length; start += 1_000)
    await Promise.all(
      runIds.slice(start, start + 1_000).map((runId) => store.insert(noOpRun(runId, config))),
    );
}

/** `done` resolves at the call number `count`. */
export function countdown(count: number): { readonly done: Promise<void>; one(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = count;
  return {
    done: promise,
    one() {
      if (--left === 0) resolve();
    },
  };
}
