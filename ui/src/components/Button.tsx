import type { ComponentProps, ReactNode } from "react";

interface ButtonProps extends ComponentProps<"button"> {
  look?: "primary" | "quiet" | "danger" | "stop";
  size?: "sm" | "lg";
}

const classes = (...names: (string | false | undefined)[]) => names.filter(Boolean).join(" ");

export function Button({ look, size, className, type = "button", ...rest }: ButtonProps): ReactNode {
  return <button type={type} className={classes("btn", look, size, className)} {...rest} />;
}

/** A button that shows only a picture; `label` is what it is called. */
export function IconButton({ label, look = "quiet", className, ...rest }: ButtonProps & { label: string }): ReactNode {
  return <Button look={look} className={classes("icon", className)} aria-label={label} title={label} {...rest} />;
}
