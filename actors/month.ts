import type { RunDocument } from "../services/runs/document.ts";

/** Beginning of the calendar month, UTC. */
export const monthOf = (now: number): string =>
  `${new Date(now).toISOString().slice(0, 7)}-01T00:00:00.000Z`;

/** Of the month in which the run was submitted. */
export const monthStart = ({ created_at }: Pick<RunDocument, "created_at">): string =>
  monthOf(Date.parse(created_at));
