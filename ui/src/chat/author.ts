/** Who wrote a person's message, as the one who reads it is told. */

import type { Me } from "../api/types";
import type { Author, Message } from "./message";

type Reader = Me["user"];

const said = (name: string | null | undefined): string | null => (name === "" ? null : name ?? null);

/** Of a message that was just sent, before the server says the same. */
export const authorOf = ({ id, name, email }: Reader): Author => ({ id, name: said(name) ?? email });

/** The name as it was sent, one's own as the rest of the page has it, or that nobody is known. */
export function nameOf(message: Message, reader: Reader): string {
  const author = message.metadata?.author;
  if (author?.id === reader.id) return said(author.name) ?? said(reader.name) ?? "You";
  return said(author?.name) ?? "Someone";
}
