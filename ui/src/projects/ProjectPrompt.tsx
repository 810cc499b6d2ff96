import { ArrowUp, Check, ChevronDown } from "lucide-react";
import { useState, type ReactNode } from "react";
import { useLocation } from "wouter";
import { calls, paths } from "../api/calls";
import { invalidate, put } from "../api/resource";
import { sentence } from "../api/sentences";
import type { Me } from "../api/types";
import { sends, useGrowing } from "../chat/Composer";
import { ModelPicker } from "../chat/ModelPicker";
import { Button } from "../components/Button";
import { Icon } from "../components/Icon";
import { Menu, MenuItem } from "../components/Menu";
import { Spinner } from "../components/Small";

function TemplatePicker({ me, template, onTemplate }: { me: Me; template: string | null; onTemplate: (id: string) => void }): ReactNode {
  const [first] = me.templates;
  const chosen = me.templates.find((each) => each.id === template) ?? first;
  if (!chosen) return null;
  if (me.templates.length < 2) return <span className="model-name hide-sm" title="Starter app">{chosen.name}</span>;
  return (
    <Menu label={`Starter app: ${chosen.name}`} buttonClass="btn quiet hide-sm" button={<>{chosen.name}<Icon of={ChevronDown} small /></>}>
      {me.templates.map(({ id, name }) => (
        <MenuItem key={id} checked={id === chosen.id} edge={id === chosen.id && <Icon of={Check} small />} onSelect={() => onTemplate(id)}>{name}</MenuItem>
      ))}
    </Menu>
  );
}

const IDEAS = ["Recipe box that scales", "Invoices", "Wedding seating plan", "Reading list"];
const DEMO_IDEAS = ["Todo list", "Habit tracker", "Landing page"];

export function ProjectPrompt({ me }: { me: Me }): ReactNode {
  const [text, setText] = useState("");
  const [template, setTemplate] = useState<string | null>(null);
  const [model, setModel] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [, navigate] = useLocation();
  const field = useGrowing(text);

  const build = () => {
    const prompt = text.trim();
    if (prompt === "" || busy) return;
    setBusy(true);
    setProblem(null);
    calls.createProject({ prompt, ...(template && { template }), ...(model && { model }) }).then(
      (project) => {
        put(paths.project(project.id), project);
        invalidate(paths.projects);
        navigate(`/p/${project.id}`);
      },
      (error: unknown) => {
        setBusy(false);
        setProblem(sentence(error));
      },
    );
  };
  return (
    <div>
      <form className="composer" onSubmit={(event) => { event.preventDefault(); build(); }}>
        <textarea
          ref={field}
          rows={3}
          value={text}
          maxLength={100_000}
          autoFocus
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (!sends(event)) return;
            event.preventDefault();
            build();
          }}
          aria-label="What do you want to build?"
          placeholder={me.model.demo ? "Pick an app below, or type its name" : "A habit tracker that forgives a missed day…"}
          data-testid="prompt"
        />
        <div className="tray">
          <TemplatePicker me={me} template={template} onTemplate={setTemplate} />
          <ModelPicker me={me} model={model} onModel={setModel} up={false} />
          <span className="grow" />
          <Button type="submit" look="primary" size="lg" disabled={busy || text.trim() === ""} data-testid="send">
            {busy ? <><Spinner />Starting</> : <>Build it<Icon of={ArrowUp} /></>}
          </Button>
        </div>
      </form>
      {problem && <p className="problem" role="alert">{problem}</p>}
      <div className="ideas">
        {(me.model.demo ? DEMO_IDEAS : IDEAS).map((idea) => (
          <button
            key={idea}
            type="button"
            className="idea"
            onClick={() => {
              setText(me.model.demo ? `Build a ${idea.toLowerCase()}` : idea);
              field.current?.focus();
            }}
          >
            {idea}
          </button>
        ))}
      </div>
    </div>
  );
}
