import { randomUUID } from "node:crypto";

let recorded = 0;

/**
 * Ids whose order is that of recording, among the entries that one process makes in one
 * millisecond.
 */
export const nextAuditId = (): string => `${String(++recorded).padStart(15, "0")}-${randomUUID()}`;
