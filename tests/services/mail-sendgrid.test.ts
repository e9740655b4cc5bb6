import { expect, test } from "vitest";
import { manualClock } from "../../services/clock/manual.ts";
import { systemClock } from "../../services/clock/system.ts";
import { sendgridMail, type SendgridOptions } from "../../services/mail/sendgrid.ts";
import {
  SENDGRID_KEY,
  says,
  type SendgridServer,
  startSendgrid,
} from "../support/sendgrid-server.ts";
import { mailContract } from "./mail.contract.ts";

const mail = {
  key: "run-1.run_failed.1",
  to: "a@example.org",
  subject: "Failed",
  text: "text",
  html: "<p>html</p>",
};

const pointedAt = (
  { baseUrl }: Pick<SendgridServer, "baseUrl">,
  options: Partial<SendgridOptions> = {},
) =>
  sendgridMail({
    apiKey: SENDGRID_KEY,
    baseUrl,
    from: "haystack@example.org",
    sandbox: false,
    timeoutMs: 30_000,
    clock: systemClock,
    ...options,
  });

mailContract("sendgrid", async () => {
  const server = await startSendgrid();
  return {
    mail: pointedAt(server),
    delivered: async () =>
      server.requests.map(({ body: { personalizations, subject, content } }) => {
        const part = (type: string): string =>
          content.find((one) => one.type === type)?.value ?? "";
        const to = personalizations.flatMap(({ to: addresses, cc = [], bcc = [] }) => [
          ...addresses,
          ...cc,
          ...bcc,
        ]);
        return {
          to: to.map(({ email }) => email),
          subject,
          text: part("text/plain"),
          html: part("text/html"),
        };
      }),
  };
});

test("a mail carries its key as Message-ID and custom argument, the same for every attempt", async () => {
  const server = await startSendgrid();
  const adapter = pointedAt(server);
  await adapter.send(mail);
  await adapter.send(mail);
  for (const { body } of server.requests) {
    expect(body.headers["Message-ID"]).toBe("<run-1.run_failed.1@example.org>");
    expect(body.custom_args).toEqual({ mail_key: mail.key });
    expect(body.from.email).toBe("haystack@example.org");
  }
});

test("nothing else travels with a mail", async () => {
  const server = await startSendgrid();
  await pointedAt(server).send({ ...mail, subject: "Done\r\nBcc: other@example.org" });
  const [request] = server.requests;
  expect(Object.keys(request?.body ?? {}).toSorted()).toEqual([
    "content",
    "custom_args",
    "from",
    "headers",
    "mail_settings",
    "personalizations",
    "subject",
    "tracking_settings",
  ]);
  expect(request?.body.personalizations).toEqual([{ to: [{ email: mail.to }] }]);
  expect(Object.keys(request?.body.headers ?? {})).toEqual(["Message-ID"]);
});

test("the sandbox is asked for only when configured", async () => {
  const server = await startSendgrid();
  await pointedAt(server).send(mail);
  await pointedAt(server, { sandbox: true }).send(mail);
  expect(server.requests.map(({ body }) => body.mail_settings.sandbox_mode.enable)).toEqual([
    false,
    true,
  ]);
});

test.each([200, 201, 202])("status %i is success", async (status) => {
  const server = await startSendgrid();
  server.script({ status });
  await pointedAt(server).send(mail);
  expect(server.requests).toHaveLength(1);
});

test.each([204, 302, 400, 401, 403, 404, 413])(
  "status %i is MAIL_REJECTED, once and with SendGrid's words",
  async (status) => {
    const server = await startSendgrid();
    server.script({
      ...(says(status, `The from address\r\ndoes not match. ${"x".repeat(5_000)}`) as object),
      status,
      headers: { location: `${server.baseUrl}elsewhere` },
    });
    const thrown = await pointedAt(server)
      .send(mail)
      .catch((error: unknown) => error as Error);
    expect(thrown).toMatchObject({
      code: "MAIL_REJECTED",
      retryable: false,
      message: expect.stringContaining(`status ${status}`) as string,
    });
    expect((thrown as Error).message.length).toBeLessThan(500);
    if (status >= 400)
      expect((thrown as Error).message).toContain("The from address does not match.");
    expect(server.requests).toHaveLength(1);
  },
);

test.each([429, 500, 502, 503])(
  "status %i is MAIL_UNAVAILABLE, with the wait that was asked for",
  async (status) => {
    const server = await startSendgrid();
    server.script({ status, headers: { "retry-after": "120" } });
    await expect(pointedAt(server).send(mail)).rejects.toMatchObject({
      code: "MAIL_UNAVAILABLE",
      retryable: true,
      details: { retry_after_ms: 120_000 },
    });
    expect(server.requests).toHaveLength(1);
  },
);

test("a dropped connection and a refused one are MAIL_UNAVAILABLE", async () => {
  const server = await startSendgrid();
  server.script("drops");
  await expect(pointedAt(server).send(mail)).rejects.toMatchObject({ code: "MAIL_UNAVAILABLE" });
  await expect(pointedAt({ baseUrl: "http://127.0.0.1:1/" }).send(mail)).rejects.toMatchObject({
    code: "MAIL_UNAVAILABLE",
    message: expect.stringContaining("nothing listens there") as string,
  });
});

test("a call that gets no answer ends at its time limit; a stopped one at once", async () => {
  const server = await startSendgrid();
  server.script("hangs", "hangs");
  const clock = manualClock(0);
  const late = pointedAt(server, { clock }).send(mail);
  await server.arrived(1);
  clock.advance(30_000);
  await expect(late).rejects.toMatchObject({
    code: "MAIL_UNAVAILABLE",
    message: expect.stringContaining("within 30 s") as string,
  });

  const stop = new AbortController();
  const stopped = pointedAt(server, { clock }).send(mail, stop.signal);
  await server.arrived(2);
  stop.abort();
  await expect(stopped).rejects.toMatchObject({ code: "STEP_ABORTED" });
});

test("the API key is in no error, also when the other side repeats it", async () => {
  const server = await startSendgrid();
  server.script(
    says(403, `no rights for ${SENDGRID_KEY}`),
    "drops",
    { status: 302, headers: { location: "http://127.0.0.1:1/" } },
    { status: 500 },
  );
  const adapter = pointedAt(server);
  for (let call = 0; call < 4; call++) {
    const thrown = await adapter
      .send(mail)
      .catch((error: unknown) => error as Error & { details?: unknown });
    const everything = JSON.stringify([
      thrown,
      Object.getOwnPropertyNames(thrown).map(
        (name) => (thrown as unknown as Record<string, unknown>)[name],
      ),
    ]);
    expect(everything).not.toContain(SENDGRID_KEY);
    expect((thrown as Error).cause).toBeUndefined();
  }
});
