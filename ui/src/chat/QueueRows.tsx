import { ArrowUp, Pencil, X } from "lucide-react";
import type { ReactNode } from "react";
import { IconButton } from "../components/Button";
import { Icon } from "../components/Icon";

interface Props {
  items: string[];
  /** Nothing runs, yet messages wait: they were held back by a stop or a failure. */
  held: boolean;
  onEdit: (at: number) => void;
  onRemove: (at: number) => void;
  onSend: (at: number) => void;
}

export function QueueRows({ items, held, onEdit, onRemove, onSend }: Props): ReactNode {
  return items.map((text, at) => (
    <div className="queue" key={at} data-testid="queued">
      <span className="cut grow"><span className="dim">{at === 0 ? "Next:" : "Then:"}</span> {text}</span>
      {held && at === 0 && <IconButton size="sm" label="Send the waiting message" onClick={() => onSend(at)}><Icon of={ArrowUp} small /></IconButton>}
      <IconButton size="sm" label="Edit the waiting message" onClick={() => onEdit(at)}><Icon of={Pencil} small /></IconButton>
      <IconButton size="sm" label="Remove the waiting message" onClick={() => onRemove(at)}><Icon of={X} small /></IconButton>
    </div>
  ));
}
