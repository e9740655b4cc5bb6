import { get } from "./api/client.ts";

/** What the page of operations shows, read together. */
export const readOperations = async (signal: AbortSignal) => {
  const [supervisor, readiness, stuck, outbox, audit] = await Promise.all([
    get("/admin/supervisor", { signal }),
    get("/admin/readiness", { signal }),
    get("/admin/stuck", { signal }),
    get("/admin/outbox", { asked: { state: "rejected" }, signal }),
    get("/admin/audit", { asked: { limit: 20 }, signal }),
  ]);
  return { supervisor, readiness, stuck, outbox, audit };
};
export type Operations = Awaited<ReturnType<typeof readOperations>>;

/** Does something to the daemon or a run; the page is read again when that is done. */
export type Act = (work: () => Promise<unknown>) => void;
