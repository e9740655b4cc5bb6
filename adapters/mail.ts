import type { Config } from "../config.ts";
import type { Clock } from "../services/clock/index.ts";
import type { MailService } from "../services/mail/index.ts";
import { dataFolder } from "./data-folder.ts";

/** Mails by SendGrid, or as files in the data folder. */
export async function openMail(config: Config, clock: Clock): Promise<MailService> {
  const from = config.MAIL_FROM;
  if (config.SENDGRID_API_KEY === undefined) {
    const { emlMail } = await import("../services/mail/eml-file.ts");
    return emlMail({ folder: dataFolder(config).mail, from, clock });
  }
  const { sendgridMail } = await import("../services/mail/sendgrid.ts");
  return sendgridMail({
    apiKey: config.SENDGRID_API_KEY,
    baseUrl: config.SENDGRID_BASE_URL,
    from,
    sandbox: config.SENDGRID_SANDBOX,
    timeoutMs: config.SENDGRID_TIMEOUT_SECONDS * 1_000,
    clock,
  });
}
