import type { SharedNotes } from "../../services/runs/index.ts";

/** What daemons decide on together, in plain memory. */
export function memoryShared(): SharedNotes {
  const notes = new Map<string, { readonly revision: number; readonly value: string }>();
  return {
    async get(name) {
      const stands = notes.get(name);
      return stands === undefined
        ? { revision: 0, value: undefined }
        : { revision: stands.revision, value: JSON.parse(stands.value) as unknown };
    },
    async replace(name, revision, value) {
      if ((notes.get(name)?.revision ?? 0) !== revision) return false;
      notes.set(name, { revision: revision + 1, value: JSON.stringify(value) });
      return true;
    },
  };
}
