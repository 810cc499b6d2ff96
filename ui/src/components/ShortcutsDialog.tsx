import { useState, type ReactNode } from "react";
import { Button } from "./Button";
import { Dialog } from "./Dialog";
import { read, write } from "./theme";
import { SINGLE_KEYS } from "./useKeys";

const KEYS: [string[], string][] = [
  [["/"], "Write a message"],
  [["Enter"], "Send; Shift Enter makes a new line"],
  [["Esc"], "Close what is on top, then stop the run"],
  [["P"], "Preview"],
  [["E"], "Files"],
  [["D"], "Changes"],
  [["L"], "Logs"],
  [["H"], "History"],
  [["[", "]"], "Older, newer version"],
  [["J", "K"], "Next, previous file"],
  [["R"], "Restore the version you look at"],
  [["Ctrl B"], "Fold the conversation"],
  [["F6"], "Next part of the page"],
  [["?"], "This list"],
];

export function ShortcutsDialog({ onClose }: { onClose: () => void }): ReactNode {
  const [on, setOn] = useState(() => read(SINGLE_KEYS, "on") !== "off");
  return (
    <Dialog title="Keyboard" onClose={onClose} footer={<Button size="lg" look="primary" onClick={onClose}>Done</Button>}>
      <dl className="shortcuts">
        {KEYS.map(([keys, words]) => (
          <div key={words}><dt>{words}</dt><dd>{keys.map((key) => <kbd key={key}>{key}</kbd>)}</dd></div>
        ))}
      </dl>
      <label className="row">
        <input
          type="checkbox"
          checked={on}
          onChange={(event) => {
            setOn(event.target.checked);
            write(SINGLE_KEYS, event.target.checked ? null : "off");
          }}
        />
        Single keys work outside fields
      </label>
    </Dialog>
  );
}
