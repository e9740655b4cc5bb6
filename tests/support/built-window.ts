import { buildWindow } from "../../web/build.ts";

export const setup = (): Promise<void> => buildWindow();
