import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { serveLoopback } from "./loopback-server.ts";

/**
 * A local server that speaks SendGrid's /v3/mail/send and /v3/scopes: it keeps what it accepts, and
 * answers from a script where there is one.
 */

export interface SendgridRequest {
  readonly headers: IncomingHttpHeaders;
  readonly body: {
    readonly from: { readonly email: string; readonly name?: string };
    readonly subject: string;
    readonly personalizations: readonly {
      readonly to: readonly { readonly email: string }[];
      readonly cc?: readonly { readonly email: string }[];
      readonly bcc?: readonly { readonly email: string }[];
    }[];
    readonly content: readonly { readonly type: string; readonly value: string }[];
    readonly headers: Readonly<Record<string, string>>;
    readonly custom_args: Readonly<Record<string, string>>;
    readonly mail_settings: { readonly sandbox_mode: { readonly enable: boolean } };
  };
}

export type SendgridAnswer =
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: unknown;
    }
  | "drops"
  | "hangs";

export interface SendgridServer {
  readonly baseUrl: string;
  /** What the key may do. */
  readonly scopes: Set<string>;
  /** Requests with the right key, whatever was answered. */
  readonly requests: readonly SendgridRequest[];
  /** What comes next; after the last entry mails are accepted. */
  script(...answers: readonly SendgridAnswer[]): void;
  /** Resolves when so many requests have arrived. */
  arrived(count: number): Promise<void>;
}

export const SENDGRID_KEY = "SG.test-key.0123456789";

export const says = (status: number, ...messages: readonly string[]): SendgridAnswer => ({
  status,
  body: { errors: messages.map((message) => ({ message, field: "from", help: null })) },
});

export async function startSendgrid(): Promise<SendgridServer> {
  const requests: SendgridRequest[] = [];
  const answers: SendgridAnswer[] = [];
  const scopes = new Set(["mail.send", "sender_verification_eligible"]);
  let waiters: { readonly count: number; resolve(): void }[] = [];
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const reply = (
      status: number,
      body?: unknown,
      headers: Readonly<Record<string, string>> = {},
    ): void =>
      void response
        .writeHead(status, { "content-type": "application/json", ...headers })
        .end(body === undefined ? "" : JSON.stringify(body));
    const call = `${request.method} ${request.url}`;
    if (call !== "POST /v3/mail/send" && call !== "GET /v3/scopes")
      return reply(404, { errors: [{ message: "not found" }] });
    if (request.headers.authorization !== `Bearer ${SENDGRID_KEY}`)
      return reply(401, {
        errors: [{ message: "The provided authorization grant is invalid, expired, or revoked" }],
      });
    if (call === "GET /v3/scopes") return reply(200, { scopes: [...scopes] });
    const body = JSON.parse(Buffer.concat(chunks).toString("utf8")) as SendgridRequest["body"];
    requests.push({ headers: request.headers, body });
    const due = waiters.filter(({ count }) => requests.length >= count);
    waiters = waiters.filter((waiter) => !due.includes(waiter));
    for (const { resolve } of due) resolve();
    const answer = answers.shift() ?? {
      status: body.mail_settings.sandbox_mode.enable ? 200 : 202,
    };
    if (answer === "drops") return void request.socket.destroy();
    if (answer !== "hangs") reply(answer.status, answer.body, answer.headers);
  };
  const address = await serveLoopback((request, response) => void handle(request, response));
  return {
    baseUrl: `${address}/`,
    scopes,
    requests,
    script: (...more) => void answers.push(...more),
    arrived: (count) =>
      requests.length >= count
        ? Promise.resolve()
        : new Promise((resolve) => waiters.push({ count, resolve })),
  };
}
