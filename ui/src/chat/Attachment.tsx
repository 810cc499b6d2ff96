import type { FileUIPart } from "ai";
import { Paperclip } from "lucide-react";
import type { ReactNode } from "react";
import { Icon } from "../components/Icon";
import { visible } from "./Markdown";

/** Pictures that are here already; nothing is fetched from anywhere, or its server would learn who reads (TRUST.md T15). */
const PICTURE = /^data:image\/(png|jpeg|gif|webp|avif);base64,/;

/** A file that came with a message: a picture, or its name. */
export function Attachment({ file }: { file: FileUIPart }): ReactNode {
  const name = visible(file.filename ?? (file.mediaType || "A file"));
  if (PICTURE.test(file.url)) return <img className="attached" src={file.url} alt={name} />;
  const there = /^https?:/i.test(file.url) && URL.canParse(file.url) ? new URL(file.url) : null;
  return (
    <p className="attached xs">
      <Icon of={Paperclip} small />
      {there ? <a className="link cut" href={there.href} target="_blank" rel="noopener noreferrer">{name} <span className="dim">({there.host})</span></a> : <span className="cut">{name}</span>}
    </p>
  );
}
