import { HaystackError } from "../../errors.ts";
import type { Mail } from "./index.ts";

const ONE_ADDRESS = /^[^\s@<>,;:"()[\]\\]+@[^\s@<>,;:"()[\]\\]+$/;

/**
 * What every adapter asks of a mail: a key that can be a name, one plain address. The subject comes
 * back as one line. Errors: MAIL_REJECTED.
 */
export function checkMail(mail: Mail): Mail {
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/.test(mail.key)) {
    throw new HaystackError(
      "MAIL_REJECTED",
      `The mail key ${JSON.stringify(mail.key.slice(0, 80))} cannot be a file name; use letters, digits, ".", "_" and "-".`,
    );
  }
  if (!ONE_ADDRESS.test(mail.to)) {
    throw new HaystackError(
      "MAIL_REJECTED",
      `${JSON.stringify(mail.to.slice(0, 200))} is not one plain e-mail address; use an address like name@example.org.`,
    );
  }
  return { ...mail, subject: mail.subject.replaceAll(/\s+/g, " ") };
}

/** The Message-ID of a mail: the same for every attempt, so that a duplicate can be seen. */
export const messageId = (key: string, from: string): string =>
  `<${key}@${from.replace(/^.*@|>.*$/g, "") || "localhost"}>`;
