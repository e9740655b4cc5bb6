import { systemWords } from "../../system-words.ts";
import { link, mkdir, open, readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createTransport } from "nodemailer";
import { eachApart } from "../../each-apart.ts";
import { HaystackError } from "../../errors.ts";
import type { Clock } from "../clock/index.ts";
import { checkMail, messageId } from "./check-mail.ts";
import type { Mail, MailService } from "./index.ts";
import { unfinishedName } from "../../unfinished.ts";

const ENDING = ".eml";
/** How files end that are being written. */
export const UNFINISHED_MAIL = ".part";

interface EmlOptions {
  readonly folder: string;
  /** Sender, e.g. "haystack@example.org". */
  readonly from: string;
  /** Gives the Date header. */
  readonly clock: Clock;
}

/**
 * Writes each mail as `{folder}/{key}.eml` (RFC 5322, text and HTML). A mail whose file is there is
 * delivered: it is not written again.
 */
export function emlMail({ folder, from, clock }: EmlOptions): MailService {
  const base = resolve(folder);
  const transport = createTransport({ streamTransport: true, buffer: true, newline: "windows" });

  const compose = async (mail: Mail): Promise<Uint8Array> => {
    const { message } = await transport.sendMail({
      from,
      to: { name: "", address: mail.to },
      subject: mail.subject,
      text: mail.text,
      html: mail.html,
      messageId: messageId(mail.key, from),
      date: new Date(clock.now()),
      baseBoundary: mail.key,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    if (!(message instanceof Uint8Array))
      throw new TypeError("The mail was not composed in memory.");
    return message;
  };

  const writeOnce = async (name: string, bytes: Uint8Array): Promise<void> => {
    await mkdir(base, { recursive: true });
    const temporary = join(base, `.${unfinishedName()}${UNFINISHED_MAIL}`);
    try {
      const file = await open(temporary, "wx");
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await link(temporary, join(base, name)).catch((thrown: NodeJS.ErrnoException) => {
        if (thrown.code !== "EEXIST") throw thrown;
      });
    } finally {
      await rm(temporary, { force: true });
    }
  };

  return {
    async forget(isMeant) {
      const keyOf = (name: string): string => name.slice(0, -ENDING.length);
      const mails = (await readdir(base).catch(() => [])).filter(
        (name) => name.endsWith(ENDING) && isMeant(keyOf(name)),
      );
      return eachApart(mails, keyOf, (name) => rm(join(base, name), { force: true }));
    },
    async send(given, signal) {
      if (signal?.aborted === true)
        throw new HaystackError(
          "STEP_ABORTED",
          "The mail was not sent because its step was stopped; it is sent later.",
        );
      const mail = checkMail(given);
      try {
        await writeOnce(`${mail.key}${ENDING}`, await compose(mail));
      } catch (thrown) {
        const why =
          systemWords(thrown) ?? (thrown instanceof Error ? thrown.message : String(thrown));
        throw new HaystackError(
          "MAIL_UNAVAILABLE",
          `The mail ${mail.key} could not be written: ${why}; check the disk and the folder's permissions.`,
          { cause: thrown },
        );
      }
    },
    async close() {
      transport.close();
    },
  };
}
