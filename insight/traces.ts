import {
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type Span,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  BatchSpanProcessor,
  NodeTracerProvider,
  RandomIdGenerator,
  type IdGenerator,
  type SpanExporter,
} from "@opentelemetry/sdk-trace-node";
import type { Instruments, RunChange } from "../actors/instruments.ts";
import { HaystackError } from "../errors.ts";
import { systemWords } from "../system-words.ts";
import type { JobRecord } from "../machines/run-types.ts";
import { runSpanIdOf, traceIdOf } from "./trace-id.ts";

/**
 * Traces by OpenTelemetry: one trace a run, a span for the run, each step, job attempt and mail. No
 * text of a question is in them.
 */
export interface Traces {
  readonly instruments: Instruments;
  /** Sends what is left. */
  close(): Promise<void>;
}

export interface TracesOptions {
  /** Of the collector, e.g. "http://127.0.0.1:4318"; spans go to /v1/traces there, as JSON. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly service: { readonly name: string; readonly version: string };
  readonly now: () => number;
  readonly onTrouble: (error: HaystackError) => void;
}

const SEND_MS = 5_000;

/** Random ids, but for the span of a run. */
interface RunIds extends IdGenerator {
  within(traceId: string, spanId: string, work: () => void): void;
}

function runIds(): RunIds {
  const random = new RandomIdGenerator();
  let given: { readonly traceId: string; readonly spanId: string } | undefined;
  return {
    generateTraceId: () => given?.traceId ?? random.generateTraceId(),
    generateSpanId: () => given?.spanId ?? random.generateSpanId(),
    within(traceId, spanId, work) {
      given = { traceId, spanId };
      work();
      given = undefined;
    },
  };
}

/** Says when the collector does not take spans; to the SDK they are done with then. */
function watched(exporter: OTLPTraceExporter, onRefused: (error: Error) => void): SpanExporter {
  return {
    export: (spans, done) =>
      exporter.export(spans, ({ error }) => {
        if (error !== undefined) onRefused(error);
        done({ code: 0 });
      }),
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush(),
  };
}

const within = (runId: string): Context =>
  trace.setSpanContext(ROOT_CONTEXT, {
    traceId: traceIdOf(runId),
    spanId: runSpanIdOf(runId),
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
  });

function end(span: Span, problem: string | null, at: number): void {
  span.setStatus(
    problem === null
      ? { code: SpanStatusCode.OK }
      : { code: SpanStatusCode.ERROR, message: problem },
  );
  span.end(new Date(at));
}

/** What a step's input tells of its place in the run. */
function placeOf(input: unknown): Attributes {
  const { iteration, job } = (input ?? {}) as {
    readonly iteration?: unknown;
    readonly job?: { readonly job_id?: unknown };
  };
  return {
    ...(typeof iteration === "number" ? { "haystack.iteration": iteration } : {}),
    ...(typeof job?.job_id === "string" ? { "haystack.job_id": job.job_id } : {}),
  };
}

/** The exporter's error has the HTTP status as its code. */
const refusal = (thrown: Error & { readonly code?: unknown }): string =>
  systemWords(thrown) ??
  (typeof thrown.code === "number" ? `it answers with HTTP status ${thrown.code}` : "no answer");

export function openTraces({ endpoint, headers, service, now, onTrouble }: TracesOptions): Traces {
  const ids = runIds();
  const onRefused = (thrown: Error): void =>
    onTrouble(
      new HaystackError(
        "TRACES_UNAVAILABLE",
        `The collector at ${new URL(endpoint).host} does not accept traces (${refusal(thrown)}); check OTEL_EXPORTER_OTLP_ENDPOINT.`,
      ),
    );
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, "")}/v1/traces`,
    headers: { ...headers },
    timeoutMillis: SEND_MS,
  });
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({
      "service.name": service.name,
      "service.version": service.version,
    }),
    idGenerator: ids,
    spanProcessors: [new BatchSpanProcessor(watched(exporter, onRefused))],
  });
  const tracer = provider.getTracer("haystack", service.version);

  const jobSpan = (runId: string, job: JobRecord): void => {
    const ended = now();
    const attributes: Attributes = {
      "haystack.run_id": runId,
      "haystack.job_id": job.job_id,
      "haystack.iteration": job.iteration,
      "haystack.attempt": job.attempt,
      "haystack.provisioning": job.offer?.provisioning ?? "none",
      "haystack.cost_usd": job.cost_usd,
    };
    const span = tracer.startSpan(
      `job ${job.kind}`,
      { startTime: new Date(ended - (job.run_seconds ?? 0) * 1_000), attributes },
      within(runId),
    );
    end(span, job.state === "succeeded" ? null : (job.failure ?? job.state), ended);
  };

  const runSpan = ({ after }: RunChange): void => {
    const attributes: Attributes = {
      "haystack.run_id": after.run_id,
      "haystack.status": after.status,
      "haystack.iterations": after.iterations.length,
      ...(after.final_score === null ? {} : { "haystack.score": after.final_score }),
    };
    ids.within(traceIdOf(after.run_id), runSpanIdOf(after.run_id), () => {
      const span = tracer.startSpan(
        "run",
        { root: true, startTime: new Date(after.created_at), attributes },
        ROOT_CONTEXT,
      );
      end(
        span,
        after.status === "completed" ? null : (after.error?.code ?? after.status),
        Date.parse(after.completed_at ?? after.updated_at),
      );
    });
  };

  return {
    instruments: {
      stepStarted({ run_id, name, input }) {
        const span = tracer.startSpan(
          `step ${name}`,
          {
            startTime: new Date(now()),
            attributes: { "haystack.run_id": run_id, "haystack.step": name, ...placeOf(input) },
          },
          within(run_id),
        );
        return (error) => {
          if (error !== null) span.setAttribute("haystack.error_code", error.code);
          end(span, error?.code ?? null, now());
        };
      },
      runChanged(change) {
        for (const job of change.ended_jobs) jobSpan(change.after.run_id, job);
        if (change.before.completed_at === null && change.after.completed_at !== null)
          runSpan(change);
      },
      mailTried({ run_id, entry, started_at, ended_at }) {
        const span = tracer.startSpan(
          "mail",
          {
            startTime: new Date(started_at),
            attributes: {
              "haystack.run_id": run_id,
              "haystack.mail_key": entry.key,
              "haystack.attempt": entry.attempts,
            },
          },
          within(run_id),
        );
        end(
          span,
          entry.state === "sent"
            ? null
            : entry.state === "owed"
              ? "MAIL_UNAVAILABLE"
              : "MAIL_REJECTED",
          ended_at,
        );
      },
    },
    close: () => provider.shutdown(),
  };
}

/** "name=value,..." with values as in a URL, as OpenTelemetry writes headers in a variable. */
export function collectorHeaders(text: string): Record<string, string> {
  const pairs = text.split(",").flatMap((pair) => {
    const at = pair.indexOf("=");
    return at < 1
      ? []
      : [[pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())] as const];
  });
  return Object.fromEntries(pairs);
}
