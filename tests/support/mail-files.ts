import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** The subjects of the mails in the folders of daemons and jobs. */
export async function mailsIn(...folders: readonly string[]): Promise<string[]> {
  const subjects: string[] = [];
  for (const folder of folders) {
    const files = await readdir(join(folder, "mail")).catch(() => []);
    for (const file of files.filter((name) => name.endsWith(".eml"))) {
      subjects.push(
        /^Subject: (.*)$/m.exec(await readFile(join(folder, "mail", file), "utf8"))?.[1] ?? "",
      );
    }
  }
  return subjects;
}

/** The mails in the folder of a daemon, their lines whole again. */
export async function mailTexts(folder: string): Promise<string[]> {
  const files = await readdir(join(folder, "mail")).catch(() => []);
  return Promise.all(
    files
      .filter((name) => name.endsWith(".eml"))
      .map(async (name) =>
        (await readFile(join(folder, "mail", name), "utf8")).replaceAll("=\r\n", ""),
      ),
  );
}
