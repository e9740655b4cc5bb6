import sendgrid from "@sendgrid/mail";
import { HaystackError } from "../../errors.ts";
import type { Clock } from "../clock/index.ts";
import { retryAfter } from "../../retry-after.ts";
import { systemWords } from "../../system-words.ts";
import { checkMail, messageId } from "./check-mail.ts";
import type { Mail, MailService } from "./index.ts";

export interface SendgridOptions {
  readonly apiKey: string;
  /** E.g. "https://api.sendgrid.com/"; any server that speaks /v3/mail/send. */
  readonly baseUrl: string;
  /** A sender that SendGrid has verified, e.g. "haystack@example.org". */
  readonly from: string;
  /** SendGrid checks the mail and delivers nothing. */
  readonly sandbox: boolean;
  /** Longest call. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/**
 * What the SDK has and its types leave out: the class of its service, and the client within, as far
 * as it is changed here.
 */
type Sdk = Pick<typeof sendgrid, "setApiKey" | "send"> & {
  readonly client: {
    setDefaultRequest(name: "baseUrl", value: string): unknown;
    createRequest(data: object): object;
    request(data: {
      readonly method: "GET";
      readonly url: string;
    }): Promise<[{ readonly statusCode: number }, unknown]>;
  };
};
const { MailService: SdkService } = sendgrid as unknown as { readonly MailService: new () => Sdk };

/** What a key must be allowed. */
const SEND_SCOPE = "mail.send";
const ACCEPTED = new Set([200, 201, 202]);
const PROBLEM_CHARACTERS = 300;

/**
 * Sends by SendGrid's v3 API. SendGrid has no idempotency key: the mail's key travels as Message-ID
 * and as custom argument `mail_key`, so that a duplicate can be seen. No error carries the SDK's
 * own, which holds the API key.
 */
export function sendgridMail({
  apiKey,
  baseUrl,
  from,
  sandbox,
  timeoutMs,
  clock,
}: SendgridOptions): MailService {
  /**
   * The SDK takes a signal only as a default of its client, so each call has a client of its own.
   */
  const service = (signal: AbortSignal): Sdk => {
    const own = new SdkService();
    const { client } = own;
    own.setApiKey(apiKey);
    client.setDefaultRequest("baseUrl", baseUrl);
    const createRequest = client.createRequest.bind(client);
    client.createRequest = (data) => ({ ...createRequest(data), signal, maxRedirects: 0 });
    return own;
  };

  const attempt = async (mail: Mail, signal: AbortSignal): Promise<number> => {
    const [{ statusCode }] = await service(signal).send({
      to: mail.to,
      from,
      subject: mail.subject,
      text: mail.text,
      html: mail.html,
      headers: { "Message-ID": messageId(mail.key, from) },
      customArgs: { mail_key: mail.key },
      mailSettings: { sandboxMode: { enable: sandbox } },
      trackingSettings: { clickTracking: { enable: false }, openTracking: { enable: false } },
    });
    return statusCode;
  };

  const inTime = async <Answer>(
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<Answer>,
  ): Promise<Answer> => {
    const isStopped = (): boolean => signal?.aborted === true;
    if (isStopped()) throw stopped();
    const timeout = new AbortController();
    const forget = clock.after(timeoutMs, () => timeout.abort());
    try {
      return await work(
        signal === undefined ? timeout.signal : AbortSignal.any([signal, timeout.signal]),
      );
    } catch (thrown) {
      if (isStopped()) throw stopped();
      if (timeout.signal.aborted)
        throw unavailable(`gave no answer within ${timeoutMs / 1_000} s`, null);
      const { problem, passing, wait } = failureOf(thrown, clock.now());
      const shown = problem.replaceAll(apiKey, "(hidden)");
      throw passing ? unavailable(shown, wait) : rejected(shown);
    } finally {
      forget();
    }
  };

  return {
    async send(given, signal) {
      if (signal?.aborted === true) throw stopped();
      const mail = checkMail(given);
      const status = await inTime(signal, (stop) => attempt(mail, stop));
      if (!ACCEPTED.has(status))
        throw rejected(
          `answered with status ${status}, which does not confirm that it accepted the mail`,
        );
    },
    async check(signal) {
      const [, body] = await inTime(signal, (stop) =>
        service(stop).client.request({ method: "GET", url: "/v3/scopes" }),
      );
      const { scopes } = (body ?? {}) as { readonly scopes?: unknown };
      if (!Array.isArray(scopes) || !scopes.includes(SEND_SCOPE))
        throw rejected(`does not grant ${SEND_SCOPE} to this key`);
    },
    close: () => Promise.resolve(),
  };
}

const stopped = (): HaystackError =>
  new HaystackError(
    "STEP_ABORTED",
    "The mail was not sent because its step was stopped; it is sent later.",
  );

const rejected = (problem: string): HaystackError =>
  new HaystackError(
    "MAIL_REJECTED",
    `SendGrid ${problem}; correct the address, MAIL_FROM or the SENDGRID_ variables.`,
  );

const unavailable = (problem: string, wait: number | null): HaystackError =>
  new HaystackError(
    "MAIL_UNAVAILABLE",
    `SendGrid ${problem}; the mail is sent again later.`,
    wait === null ? {} : { details: { retry_after_ms: wait } },
  );

interface Failure {
  readonly problem: string;
  readonly passing: boolean;
  readonly wait: number | null;
}

/**
 * What the SDK throws: an answer's status, headers and body, or the code of a connection that
 * failed.
 */
function failureOf(thrown: unknown, now: number): Failure {
  const { code, response } = thrown as {
    readonly code?: unknown;
    readonly response?: {
      readonly status?: number;
      readonly headers?: object;
      readonly body?: unknown;
    };
  };
  const status = typeof code === "number" ? code : response?.status;
  if (status === undefined)
    return {
      problem: `cannot be reached (${systemWords(thrown) ?? "no answer"})`,
      passing: true,
      wait: null,
    };
  const said = saidIn(response?.body);
  return {
    problem: `answered with status ${status}${said === "" ? "" : `: ${said}`}`,
    passing: status === 429 || status >= 500,
    wait: retryAfter(
      new Headers(
        Object.entries(response?.headers ?? {}).map(([name, value]): [string, string] => [
          name,
          String(value),
        ]),
      ),
      now,
    ),
  };
}

/** SendGrid's own words, on one line and shortened. */
function saidIn(body: unknown): string {
  const { errors } = (typeof body === "object" && body !== null ? body : {}) as {
    readonly errors?: unknown;
  };
  const messages = Array.isArray(errors)
    ? errors.map((error: { readonly message?: unknown } | null) =>
        typeof error?.message === "string" ? error.message : "",
      )
    : [];
  return Array.from(
    messages
      .join(" ")
      .replaceAll(/[\s\p{Cc}]+/gu, " ")
      .trim(),
  )
    .slice(0, PROBLEM_CHARACTERS)
    .join("")
    .replace(/\.$/, "");
}
