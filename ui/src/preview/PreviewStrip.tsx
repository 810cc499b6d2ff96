import { ArrowLeft, ArrowRight, ExternalLink, Monitor, RotateCw, Smartphone, Tablet, type LucideIcon } from "lucide-react";
import { useEffect, useState, type SubmitEvent, type ReactNode } from "react";
import { IconButton } from "../components/Button";
import { Icon } from "../components/Icon";
import { Segmented } from "../components/Segmented";

export const WIDTHS = [
  { id: "full", name: "Full width", width: null, icon: Monitor },
  { id: "tablet", name: "Tablet", width: 768, icon: Tablet },
  { id: "phone", name: "Phone", width: 390, icon: Smartphone },
] as const satisfies { id: string; name: string; width: number | null; icon: LucideIcon }[];
export type WidthId = (typeof WIDTHS)[number]["id"];

interface Props {
  version: string;
  path: string;
  enabled: boolean;
  canBack: boolean;
  canForward: boolean;
  width: WidthId;
  onBack: () => void;
  onForward: () => void;
  onReload: () => void;
  onGo: (typed: string) => void;
  onWidth: (id: WidthId) => void;
  onOpen: () => void;
}

function Address({ version, path, enabled, onGo }: Pick<Props, "version" | "path" | "enabled" | "onGo">): ReactNode {
  const [typed, setTyped] = useState(path);
  useEffect(() => setTyped(path), [path]);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    onGo(typed);
  };
  return (
    <form className="address" onSubmit={submit}>
      {version && <span className="chip version">{version}</span>}
      <input value={typed} onChange={(event) => setTyped(event.target.value)} onBlur={() => setTyped(path)} disabled={!enabled} aria-label="Address in the app" spellCheck={false} autoComplete="off" />
    </form>
  );
}

export function PreviewStrip(props: Props): ReactNode {
  const { enabled, width, onWidth } = props;
  return (
    <div className="strip">
      <IconButton className="hide-sm" label="Back" disabled={!enabled || !props.canBack} onClick={props.onBack}><Icon of={ArrowLeft} /></IconButton>
      <IconButton className="hide-sm" label="Forward" disabled={!enabled || !props.canForward} onClick={props.onForward}><Icon of={ArrowRight} /></IconButton>
      <IconButton label="Reload" disabled={!enabled} onClick={props.onReload}><Icon of={RotateCw} /></IconButton>
      <Address {...props} />
      <Segmented className="hide-sm" label="Preview size" value={width} onChange={onWidth} options={WIDTHS.map(({ id, name, icon }) => ({ id, name, picture: <Icon of={icon} small /> }))} />
      <IconButton label="Open in a new tab" disabled={!enabled} onClick={props.onOpen}><Icon of={ExternalLink} /></IconButton>
    </div>
  );
}
