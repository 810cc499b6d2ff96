import { Check, Keyboard, KeyRound, LogOut } from "lucide-react";
import { useState, type ReactNode } from "react";
import { calls } from "../api/calls";
import { ApiError } from "../api/client";
import { sentence } from "../api/sentences";
import type { Me } from "../api/types";
import { Icon } from "./Icon";
import { forgetLink } from "./linkLogin";
import { Menu, MenuItem } from "./Menu";
import { PasswordDialog } from "./PasswordDialog";
import { ShortcutsDialog } from "./ShortcutsDialog";
import { Avatar, initialsOf } from "./Small";
import { readTheme, setTheme, THEMES, type Theme } from "./theme";
import { useSays } from "./Toast";

/** A whole new page: nothing that this person saw stays in the browser's memory. */
function leave(): void {
  forgetLink();
  location.assign("/login");
}

export function PersonMenu({ me, children }: { me: Me; children?: ReactNode }): ReactNode {
  const [theme, setShown] = useState<Theme>(readTheme);
  const [dialog, setDialog] = useState<"keys" | "password" | null>(null);
  const { toast } = useSays();
  const name = me.user.name ?? "You";
  const close = () => setDialog(null);
  const logOut = () =>
    void calls.logOut().then(leave, (error: unknown) => {
      if (error instanceof ApiError && error.status === 401) leave();
      else toast({ text: sentence(error) });
    });
  return (
    <>
      <Menu label={`${initialsOf(name)}, ${name}: theme, keys, password`} buttonClass="person" side="right" button={<Avatar name={name} />}>
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
        <MenuItem icon={<Icon of={Keyboard} />} edge="?" onSelect={() => setDialog("keys")}>Keyboard</MenuItem>
        <hr />
        {/* Without an e-mail address there is nothing to log in with a password. */}
        {me.user.email !== null && <MenuItem icon={<Icon of={KeyRound} />} onSelect={() => setDialog("password")}>{me.user.hasPassword ? "Change password…" : "Set a password…"}</MenuItem>}
        <MenuItem icon={<Icon of={LogOut} />} edge={me.user.email ?? undefined} onSelect={logOut}>Log out</MenuItem>
      </Menu>
      {dialog === "keys" && <ShortcutsDialog onClose={close} />}
      {dialog === "password" && <PasswordDialog me={me} onClose={close} />}
    </>
  );
}
