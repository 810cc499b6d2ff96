import { Check, ChevronDown } from "lucide-react";
import type { ReactNode } from "react";
import type { Me } from "../api/types";
import { Icon } from "../components/Icon";
import { Menu, MenuItem } from "../components/Menu";

interface Props {
  me: Me;
  model: string | null;
  onModel: (id: string) => void;
  up?: boolean;
}

/** Which model answers. With one there is nothing to pick, so it is a word and not a button. */
export function ModelPicker({ me, model, onModel, up = true }: Props): ReactNode {
  const name = me.models.find((each) => each.id === model)?.name ?? me.model.name;
  if (me.model.demo || me.models.length < 2) return <span className="model-name cut" title="Model">{me.model.demo ? "Demo" : name}</span>;
  return (
    <Menu label={`Model: ${name}`} buttonClass="btn quiet model" up={up} button={<><span className="cut">{name}</span><Icon of={ChevronDown} small /></>}>
      {me.models.map((each) => (
        <MenuItem key={each.id} checked={each.name === name} onSelect={() => onModel(each.id)} edge={each.name === name && <Icon of={Check} small />}>
          {each.name}
        </MenuItem>
      ))}
    </Menu>
  );
}
