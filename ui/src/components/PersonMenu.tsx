import { Check, Keyboard } from "lucide-react";
import { useState, type ReactNode } from "react";
import type { Me } from "../api/types";
import { Icon } from "./Icon";
import { Menu, MenuItem } from "./Menu";
import { ShortcutsDialog } from "./ShortcutsDialog";
import { Avatar, initialsOf } from "./Small";
import { readTheme, setTheme, THEMES, type Theme } from "./theme";

export function PersonMenu({ me, children }: { me: Me; children?: ReactNode }): ReactNode {
  const [theme, setShown] = useState<Theme>(readTheme);
  const [keys, setKeys] = useState(false);
  const name = me.user.name ?? "You";
  return (
    <>
      <Menu label={`${initialsOf(name)}, ${name}: theme and keys`} buttonClass="person" side="right" button={<Avatar name={name} />}>
        {children}
        {THEMES.map(({ id, name: label }) => (
          <MenuItem
            key={id}
            checked={theme === id}
            edge={theme === id && <Icon of={Check} small />}
            onSelect={() => {
              setTheme(id);
              setShown(id);
            }}
          >
            {label}
          </MenuItem>
        ))}
        <hr />
        <MenuItem icon={<Icon of={Keyboard} />} edge="?" onSelect={() => setKeys(true)}>Keyboard</MenuItem>
      </Menu>
      {keys && <ShortcutsDialog onClose={() => setKeys(false)} />}
    </>
  );
}
