/** What an import knows not to be whole, in words. */

import type { FileRow } from "../api/types";
import { count } from "../components/time";

/** “2 files of this version came incomplete from the old system.” */
export const incompleteWords = (files: number): string => `${count(files, "file")} of this version came incomplete from the old system.`;

export const INCOMPLETE_WHY = "Nothing was lost on the way here: the old system kept no more of them.";

/** Which files, and why, by their path. */
export function notes(rows: FileRow[]): Map<string, string> {
  return new Map(rows.flatMap((row) => (row.mark ? [[row.path, row.mark.note] as const] : [])));
}
