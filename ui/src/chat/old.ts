/** Parts of chats that an import brought over: tools and answers that nobody here made. */

type Answer = Record<string, unknown>;

/** Our own tools answer in sentences; an answer that is an object, or none at all, is the old system's. */
export const isOld = (output: unknown): boolean => output === null || typeof output === "object";

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** What an old tool said when it did not work, though it answered; null when it did. */
export function refusal(output: unknown): string | null {
  if (output === null || typeof output !== "object" || (output as Answer).success !== false) return null;
  const { error, message } = output as Answer;
  return text(error) || text(message) || "The old system wrote down no reason.";
}

/** Whether the file was new, as far as the old tool said so. */
export const wasCreated = (output: unknown): boolean => output !== null && typeof output === "object" && (output as Answer).action === "created";

/** “visualEdit”, “visual_edit”: visual edit. */
export function spoken(name: string): string {
  const words = name.replaceAll(/([a-z\d])([A-Z])/g, "$1 $2").replaceAll(/[_\-.\s]+/g, " ").trim().toLowerCase();
  return words === "" || words === "unknown" ? "a tool" : words;
}
