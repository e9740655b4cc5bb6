import { z } from "zod";
import { address, anyText } from "../forms.ts";

/** Metrics, logs and traces. */
export const insight = {
  METRICS: z
    .enum(["admin", "public", "off"])
    .default("admin")
    .describe("Who may read /metrics: administrators, everybody or nobody"),
  LOG_LEVEL: z
    .enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"])
    .default("info")
    .describe("Lowest level that the daemon logs"),
  LOG_FORMAT: z
    .enum(["json", "plain"])
    .default("json")
    .describe("Format of the daemon's log on stderr: JSON lines, or plain text for people"),
  OTEL_EXPORTER_OTLP_ENDPOINT: address()
    .optional()
    .describe("OpenTelemetry collector for traces, such as http://host:4318; no traces if unset"),
  OTEL_EXPORTER_OTLP_HEADERS: anyText()
    .optional()
    .describe("Headers for the collector, in the form name=value,..."),
  OTEL_SERVICE_NAME: anyText().default("haystack").describe("Service name in traces"),
};
