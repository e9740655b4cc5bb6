import { z } from "zod";

/** Metrics, logs and traces. */
export const insight = {
  METRICS: z.enum(["admin", "public", "off"]).default("admin").describe("Who may read /metrics"),
  LOG_LEVEL: z
    .enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"])
    .default("info")
    .describe("Least weight of a line in the daemon's log"),
  LOG_FORMAT: z
    .enum(["json", "plain"])
    .default("json")
    .describe("Form of the daemon's log on stderr: JSON lines, or words for a person"),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url()
    .optional()
    .describe("OpenTelemetry collector for traces, as http://host:4318; none when unset"),
  OTEL_EXPORTER_OTLP_HEADERS: z
    .string()
    .optional()
    .describe("Headers for the collector, as name=value,..."),
  OTEL_SERVICE_NAME: z.string().default("haystack").describe("Name of this service in traces"),
};
