import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { manualClock } from "../../services/clock/manual.ts";
import { emlMail } from "../../services/mail/eml-file.ts";
import { runPython, describeWithPython } from "../support/python.ts";
import { type DeliveredMail, mailContract } from "./mail.contract.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const clock = manualClock(Date.UTC(2026, 0, 2, 3, 4, 5));
const FROM = "haystack@example.org";

/** Python's mail parser is the independent reader. */
const READ = `
import email, email.policy, glob, json, os, sys
mails = []
for name in sorted(glob.glob(os.path.join(json.loads(sys.argv[1])["folder"], "*.eml"))):
    m = email.message_from_binary_file(open(name, "rb"), policy=email.policy.default)
    assert not m.defects, m.defects
    addresses = [a.addr_spec for h in ("to", "cc", "bcc") for v in m.get_all(h, []) for a in v.addresses]
    body = lambda kind: m.get_body((kind,)).get_content().replace("\\r\\n", "\\n").removesuffix("\\n")
    mails.append({"to": addresses, "subject": m["subject"], "text": body("plain"), "html": body("html")})
print(json.dumps(mails))`;

describeWithPython("mail files", () => {
  mailContract("eml-file", async () => {
    const folder = await temporaryFolder();
    return {
      mail: emlMail({ folder, from: FROM, clock }),
      delivered: () => runPython<DeliveredMail[]>(READ, { folder }),
    };
  });
});

const mail = {
  key: "run-1.run_failed.1",
  to: "a@example.org",
  subject: "Failed",
  text: "text",
  html: "<p>html</p>",
};

test("a mail of one key is written once, whole, the same bytes for the same input", async () => {
  const [one, two] = [await temporaryFolder(), await temporaryFolder()];
  for (const folder of [one, two]) await emlMail({ folder, from: FROM, clock }).send(mail);
  const file = join(one, "run-1.run_failed.1.eml");
  const bytes = await readFile(file, "utf8");
  expect(bytes).toBe(await readFile(join(two, "run-1.run_failed.1.eml"), "utf8"));
  expect(bytes).toContain("Message-ID: <run-1.run_failed.1@example.org>\r\n");
  expect(bytes).toContain("Date: Fri, 02 Jan 2026 03:04:05 +0000\r\n");

  await emlMail({ folder: one, from: FROM, clock }).send({ ...mail, text: "another" });
  expect(await readFile(file, "utf8")).toBe(bytes);
  expect(await readdir(one)).toEqual(["run-1.run_failed.1.eml"]);
});

test.each(["../x", "", ".hidden", "a/b", "x".repeat(201)])("the key %j is refused", async (key) => {
  const folder = await temporaryFolder();
  await expect(emlMail({ folder, from: FROM, clock }).send({ ...mail, key })).rejects.toMatchObject(
    { code: "MAIL_REJECTED" },
  );
  expect(await readdir(folder)).toEqual([]);
});

test("a folder that cannot be written is MAIL_UNAVAILABLE", async () => {
  const file = join(await temporaryFolder(), "file");
  await writeFile(file, "x");
  await expect(emlMail({ folder: file, from: FROM, clock }).send(mail)).rejects.toMatchObject({
    code: "MAIL_UNAVAILABLE",
    retryable: true,
  });
});
