/** Whether this browser came in by a login address a moment ago: then a new password needs no old one. */

import { read, write } from "./theme";

const KEY = "keelway-link-login";
/** The server's ten minutes, less what the clocks may differ and the typing takes. */
const LASTS = 9 * 60_000;

export const cameByLink = (): void => write(KEY, String(Date.now()));
export const forgetLink = (): void => write(KEY, null);
export const isFromLink = (now: number = Date.now()): boolean => {
  const since = now - Number(read(KEY, "0"));
  return since >= 0 && since < LASTS;
};
