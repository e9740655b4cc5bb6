import { z } from "zod";
import { whole } from "../forms.ts";

export const LOCAL_SENDER = "haystack@localhost";

/** Mails to users. */
export const mail = {
  MAIL_FROM: z
    .string()
    .regex(/^[^\p{Cc}]*$/u)
    .default(LOCAL_SENDER)
    .describe("Sender of the mails"),
  PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("Address under which users reach this server, for the links in mails"),
  SENDGRID_API_KEY: z
    .string()
    .regex(/^SG\.[\w.-]+$/, "a key of SendGrid begins with SG.")
    .optional()
    .describe("Sends mails by SendGrid; files in the data folder when unset"),
  SENDGRID_BASE_URL: z
    .url()
    .default("https://api.sendgrid.com/")
    .describe("Server of SendGrid's API"),
  SENDGRID_SANDBOX: z
    .stringbool()
    .default(false)
    .describe("SendGrid checks mails and delivers none"),
  SENDGRID_TIMEOUT_SECONDS: whole(1, 600).default(30).describe("Longest call of SendGrid"),
};
