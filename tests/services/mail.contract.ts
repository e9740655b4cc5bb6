import { describe, expect, onTestFinished, test } from "vitest";
import type { Mail, MailService } from "../../services/mail/index.ts";

/** One mail as it reached the other side. */
export interface DeliveredMail {
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

export interface MailHarness {
  readonly mail: MailService;
  readonly delivered: () => Promise<readonly DeliveredMail[]>;
}

const MAIL: Mail = {
  key: "run-1.run_completed.1",
  to: "scientist@example.org",
  subject: "Your prediction is ready: TGF-β in fibroblasts, 37 °C",
  text: "Grounding score 8 of 10.\nA line with „Umlaute“ äöü and a very long tail ".padEnd(
    1200,
    "x",
  ),
  html: "<p>Grounding score <b>8</b> of 10 — naïve T cells</p>",
};

/** What every mail adapter keeps to. */
export function mailContract(adapter: string, make: () => Promise<MailHarness>): void {
  const open = async (): Promise<MailHarness> => {
    const harness = await make();
    onTestFinished(() => harness.mail.close());
    return harness;
  };

  describe(`mail: ${adapter}`, () => {
    test("a mail arrives with its subject, text and HTML", async () => {
      const { mail, delivered } = await open();
      await mail.send(MAIL);
      expect(await delivered()).toEqual([
        { to: [MAIL.to], subject: MAIL.subject, text: MAIL.text, html: MAIL.html },
      ]);
    });

    test("mails with different keys are different mails", async () => {
      const { mail, delivered } = await open();
      await mail.send(MAIL);
      await mail.send({ ...MAIL, key: "run-1.run_completed.2" });
      expect(await delivered()).toHaveLength(2);
    });

    test.each([
      "",
      "no address",
      "a@b.org, c@d.org",
      "a@b.org\r\nBcc: c@d.org",
      "A <a@b.org>",
      "a@b@c",
    ])("the address %j is MAIL_REJECTED", async (to) => {
      const { mail, delivered } = await open();
      await expect(mail.send({ ...MAIL, to })).rejects.toMatchObject({
        code: "MAIL_REJECTED",
        retryable: false,
      });
      expect(await delivered()).toEqual([]);
    });

    test("a line break in the subject adds no header", async () => {
      const { mail, delivered } = await open();
      await mail.send({ ...MAIL, subject: "Done\r\nBcc: other@example.org\r\n\r\nbody" });
      const [arrived] = await delivered();
      expect(arrived?.to).toEqual([MAIL.to]);
      expect(arrived?.subject).toMatch(/^Done\s+Bcc: other@example\.org\s+body$/);
      expect(arrived?.text).toBe(MAIL.text);
    });

    test("an aborted send is STEP_ABORTED and sends nothing", async () => {
      const { mail, delivered } = await open();
      await expect(mail.send(MAIL, AbortSignal.abort())).rejects.toMatchObject({
        code: "STEP_ABORTED",
      });
      expect(await delivered()).toEqual([]);
    });
  });
}
