import { address, anyText, flag, whole } from "../forms.ts";

export const LOCAL_SENDER = "haystack@localhost";

/** Mails to users. */
export const mail = {
  MAIL_FROM: anyText()
    .regex(/^[^\p{Cc}]*$/u)
    .default(LOCAL_SENDER)
    .describe("Sender address of mail"),
  PUBLIC_URL: address({ protocol: /^https?$/ })
    .optional()
    .describe("URL under which users reach this server, for links in mail"),
  SENDGRID_API_KEY: anyText()
    .regex(/^SG\.[\w.-]+$/, "a SendGrid key starts with SG.")
    .optional()
    .describe(
      "API key for sending mail through SendGrid; mail is written to the data folder if unset",
    ),
  SENDGRID_BASE_URL: address()
    .default("https://api.sendgrid.com/")
    .describe("URL of the SendGrid API"),
  SENDGRID_SANDBOX: flag()
    .default(false)
    .describe("Have SendGrid check mail without delivering it"),
  SENDGRID_TIMEOUT_SECONDS: whole(1, 600)
    .default(30)
    .describe("Time limit of a SendGrid call, in seconds"),
};
