import type { ReportedDirection } from "./index.ts";

const UP =
  /\b(?:induc|up-?regulat|increas|enhanc|activat|stimulat|elevat|promot|augment|potentiat)\w*/iu;
const DOWN =
  /\b(?:down-?regulat|decreas|inhibit|suppress|reduc|repress|attenuat|abrogat|diminish|abolish|silenc|block)\w*/iu;
/** "Fails to induce", "no increase". */
const DENIED = /\b(?:not|no|fail\w*|without|unable|neither|lack\w*)\b/iu;

/**
 * Which way a title says that `subject` goes; null when it does not name it, or says neither, both,
 * or a denial.
 */
export function reportedDirection(title: string, subject: string): ReportedDirection | null {
  const plain = title.replaceAll(/<[^>]{0,20}>/gu, "");
  const named = new RegExp(
    String.raw`(?<![\p{L}\p{N}])${subject.replaceAll(/[^\p{L}\p{N}]/gu, String.raw`\$&`)}(?![\p{L}\p{N}])`,
    "iu",
  );
  if (!named.test(plain) || DENIED.test(plain)) return null;
  const [up, down] = [UP.test(plain), DOWN.test(plain)];
  return up === down ? null : up ? "up" : "down";
}
