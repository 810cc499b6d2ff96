import { Eye, EyeOff } from "lucide-react";
import { useId, useState, type ComponentProps, type ReactNode, type RefObject } from "react";
import { Icon } from "./Icon";

interface FieldProps extends ComponentProps<"input"> {
  label: string;
  /** What stands below the field, read out with it. */
  hint?: ReactNode;
  /** The id of the sentence that says what is wrong with it. */
  problem?: string;
  ref?: RefObject<HTMLInputElement | null>;
  end?: ReactNode;
}

/** A labelled line to fill in. */
export function Field({ label, hint, problem, end, ...input }: FieldProps): ReactNode {
  const id = useId();
  const described = [hint && `${id}-hint`, problem].filter(Boolean).join(" ");
  return (
    <div className="labelled">
      <label htmlFor={id}>{label}</label>
      <div className={`field big ${problem ? "wrong" : ""}`}>
        <input id={id} aria-describedby={described || undefined} aria-invalid={problem ? true : undefined} {...input} />
        {end}
      </div>
      {hint && <p className="xs dim" id={`${id}-hint`}>{hint}</p>}
    </div>
  );
}

/** A password: hidden until its owner asks to see it. */
export function PasswordField({ label, ...rest }: FieldProps): ReactNode {
  const [shown, setShown] = useState(false);
  const words = `${shown ? "Hide" : "Show"} ${label.toLowerCase()}`;
  return (
    <Field
      {...rest}
      label={label}
      type={shown ? "text" : "password"}
      autoCapitalize="none"
      autoCorrect="off"
      spellCheck={false}
      end={
        <button type="button" className="btn quiet icon" aria-label={words} title={words} aria-pressed={shown} onClick={() => setShown(!shown)}>
          <Icon of={shown ? EyeOff : Eye} />
        </button>
      }
    />
  );
}
