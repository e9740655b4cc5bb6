import { type FileHandle, open, readFile } from "node:fs/promises";
import { join } from "node:path";

/** What the program of a job says on stdout and stderr, in a file of the job's folder. */

const FILE = "output.txt";
/** Of a longer output the beginning and the end are kept. */
const HEAD_BYTES = 1024 * 1024;
const TAIL_BYTES = 256 * 1024;

export interface ProgramOutput {
  /** The beginning is in the file at once. */
  add(chunk: Buffer): void;
  /** Writes the end, too. */
  close(): Promise<void>;
}

export async function programOutput(folder: string): Promise<ProgramOutput> {
  const file: FileHandle = await open(join(folder, FILE), "w");
  let writing: Promise<unknown> = Promise.resolve();
  let inHead = 0;
  let all = 0;
  let tail = Buffer.alloc(0);
  // A full disk costs the output, not the job.
  const write = (chunk: Buffer): void => {
    writing = writing.then(() => file.write(chunk)).catch(() => undefined);
  };
  return {
    add(chunk) {
      all += chunk.length;
      const head = chunk.subarray(0, Math.max(0, HEAD_BYTES - inHead));
      if (head.length > 0) write(head);
      inHead += head.length;
      tail = Buffer.concat([tail, chunk.subarray(head.length)]).subarray(-TAIL_BYTES);
    },
    async close() {
      const leftOut = all - inHead - tail.length;
      if (leftOut > 0) write(Buffer.from(`\n[${leftOut} bytes are left out here]\n`));
      if (tail.length > 0) write(tail);
      await writing;
      await file.close();
    },
  };
}

/** Empty before the program has begun. */
export async function readProgramOutput(folder: string): Promise<string> {
  try {
    return await readFile(join(folder, FILE), "utf8");
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw thrown;
  }
}
