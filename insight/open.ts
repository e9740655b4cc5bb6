import type { Instruments } from "../actors/instruments.ts";
import type { Config } from "../config.ts";
import type { HaystackError } from "../errors.ts";
import type { Metrics } from "./metrics.ts";
import type { MeasuredSources } from "./metrics-measured.ts";
import { given } from "../given.ts";

export interface InsightOptions extends Omit<MeasuredSources, "onTrouble"> {
  /** Numbers are kept by daemons, not by a command that hosts a run of its own. */
  readonly withMetrics: boolean;
  readonly version: string;
  readonly onTrouble: (error: HaystackError) => void;
}

export interface Insight {
  readonly instruments: readonly Instruments[];
  readonly metrics?: Metrics;
  close(): Promise<void>;
}

/** What the configuration asks for; what it does not ask for is not loaded. */
export async function openInsight(
  config: Config,
  { withMetrics, version, ...sources }: InsightOptions,
): Promise<Insight> {
  const metrics =
    withMetrics && config.METRICS !== "off"
      ? (await import("./metrics.ts")).createMetrics(sources)
      : undefined;
  const traces =
    config.OTEL_EXPORTER_OTLP_ENDPOINT === undefined
      ? undefined
      : await openTraces(config, config.OTEL_EXPORTER_OTLP_ENDPOINT, {
          version,
          now: sources.now,
          onTrouble: sources.onTrouble,
        });
  return {
    instruments: [metrics?.instruments, traces?.instruments].filter((one) => one !== undefined),
    ...given({ metrics }),
    async close() {
      await traces?.close();
    },
  };
}

async function openTraces(
  config: Config,
  endpoint: string,
  { version, now, onTrouble }: Pick<InsightOptions, "version" | "now" | "onTrouble">,
) {
  const { collectorHeaders, openTraces: open } = await import("./traces.ts");
  return open({
    endpoint,
    headers: collectorHeaders(config.OTEL_EXPORTER_OTLP_HEADERS ?? ""),
    service: { name: config.OTEL_SERVICE_NAME, version },
    now,
    onTrouble,
  });
}
