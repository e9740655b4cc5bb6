import { pino, type Logger } from "pino";
import type { Instruments } from "../actors/instruments.ts";
import type { HaystackError } from "../errors.ts";
import { given } from "../given.ts";
import type { Clock } from "../services/clock/index.ts";
import { traceIdOf } from "./trace-id.ts";

export interface LoggingOptions {
  readonly level: string;
  readonly format: "json" | "plain";
  /** Takes whole lines; stderr by default. */
  readonly write?: (line: string) => void;
}

/** Names under which a secret may come; what stands there is never written. */
const SECRETS = [
  "authorization",
  "cookie",
  "set-cookie",
  "x-goog-iap-jwt-assertion",
  "password",
  "token",
  "secret",
  "api_key",
  "apiKey",
];
const PATHS = SECRETS.flatMap((name) =>
  ["", "*.", "*.*.", "*.headers."].map((place) =>
    name.includes("-") ? `${place.replace(/\.$/, "")}["${name}"]` : `${place}${name}`,
  ),
);

interface LogLine {
  readonly level: string;
  readonly msg?: string;
}

/** One line for a person: what happened; troubles begin with the program's name. */
function plain(line: string): string {
  const { level, msg = "" } = JSON.parse(line) as LogLine;
  return `${level === "info" || level === "debug" || level === "trace" ? "" : "haystack: "}${msg}\n`;
}

const describeError = ({
  name,
  message,
  stack,
  code,
}: Error & { readonly code?: unknown }): Record<string, unknown> => ({
  type: name,
  ...(code === undefined ? {} : { code }),
  message,
  stack,
});

/**
 * The daemon's log. Errors are written without what hangs on them, requests without headers and
 * query.
 */
export function createLogger({
  level,
  format,
  write = (line) => process.stderr.write(line),
}: LoggingOptions): Logger {
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: PATHS, censor: "(hidden)" },
      serializers: {
        err: describeError,
        req: ({ method, url = "" }: { readonly method?: string; readonly url?: string }) => ({
          method,
          path: url.split("?")[0],
        }),
        res: ({ statusCode }: { readonly statusCode?: number }) => ({ status: statusCode }),
      },
    },
    { write: format === "json" ? write : (line: string) => write(plain(line)) },
  );
}

export const silentLogger = (): Logger => pino({ level: "silent" });

/** The fields of every line about a run. */
export const aboutRun = (run_id: string) => ({ run_id, trace_id: traceIdOf(run_id) });

const TOGETHER_MS = 60_000;

/**
 * Logs troubles by their code; the run that one names is a field of its own. One that lasts is
 * logged when it begins, and then once a minute with how often it came.
 */
export function logTroubles(
  logger: Logger,
  clock: Pick<Clock, "after">,
): (error: HaystackError) => void {
  const repeated = new Map<string, number>();
  const log = ({ code, message, details }: HaystackError, times?: number): void => {
    const run_id = details?.["run_id"];
    logger.warn(
      { code, ...given({ times }), ...(typeof run_id === "string" ? aboutRun(run_id) : {}) },
      times === undefined ? message : `${message} (${times} times more within a minute)`,
    );
  };
  return (error) => {
    const key = `${error.code} ${error.message}`;
    const times = repeated.get(key);
    if (times !== undefined) {
      repeated.set(key, times + 1);
      return;
    }
    const again = (): void => {
      const more = repeated.get(key) ?? 0;
      repeated.delete(key);
      if (more === 0) return;
      log(error, more);
      begin();
    };
    const begin = (): void => {
      repeated.set(key, 0);
      clock.after(TOGETHER_MS, again);
    };
    log(error);
    begin();
  };
}

/**
 * What runs do, one line each. A message may quote the question or an address, so it is written at
 * debug level only.
 */
export function logInstruments(logger: Logger): Instruments {
  return {
    stepStarted({ run_id, name }) {
      const started = performance.now();
      logger.debug({ ...aboutRun(run_id), step: name }, `run ${run_id}: step ${name} starts`);
      return (error) => {
        const facts = {
          ...aboutRun(run_id),
          step: name,
          milliseconds: Math.round(performance.now() - started),
        };
        if (error === null) return logger.debug(facts, `run ${run_id}: step ${name} succeeded`);
        logger.warn(
          { ...facts, code: error.code },
          `run ${run_id}: step ${name} failed with ${error.code}`,
        );
        logger.debug({ ...facts, code: error.code }, error.message);
      };
    },
    runChanged({ after: { run_id }, entries }) {
      for (const { actor, event, from, to, revision } of entries) {
        const [level, place] =
          actor === "run" ? (["info", ""] as const) : (["debug", ` ${actor}`] as const);
        logger[level](
          { ...aboutRun(run_id), actor, event, from, to, revision },
          `run ${run_id}:${place} ${from === "" ? "begins" : from} -> ${to}`,
        );
      }
    },
    mailTried({ run_id, entry: { key, state, attempts, problem } }) {
      const facts = { ...aboutRun(run_id), mail_key: key, attempts };
      if (state === "sent") return logger.info(facts, `run ${run_id}: mail ${key} was sent`);
      logger.warn(
        facts,
        `run ${run_id}: mail ${key} was ${state === "owed" ? "put off" : "rejected"}`,
      );
      logger.debug(facts, problem ?? "");
    },
  };
}
