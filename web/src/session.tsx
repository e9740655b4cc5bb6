import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Session } from "./api/client.ts";

export const SessionContext = createContext<Session | undefined>(undefined);

/** Who looks; only pages that are shown to somebody ask. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === undefined) throw new Error("Nobody is signed in.");
  return session;
}
