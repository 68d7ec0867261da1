import { Icon } from "../parts/icon.tsx";
import { Middle } from "../parts/middle.tsx";
import { printable } from "../parts/text.ts";
import { space, tenants } from "../session/session.ts";

/** Switches between tenants. With only one tenant, shows its name. */
export function TenantSwitch() {
  const open = space.value?.tenant;
  if (!open) return null;
  const all = tenants.value;
  if (all.length < 2)
    return (
      <span class="tenant">
        <Middle text={open.name} />
      </span>
    );
  return (
    <span class="tenant tenant-switch">
      <Middle text={open.name} />
      <Icon name="down" size={13} />
      {/* Over the name, and invisible: a browser would cut the name at its end. */}
      <select
        aria-label="Tenant"
        value={open.id}
        onChange={({ currentTarget }) => {
          location.hash = `#/${currentTarget.value}/now`;
        }}
      >
        {all.map(({ id, name }) => (
          <option key={id} value={id}>
            {printable(name)}
          </option>
        ))}
      </select>
    </span>
  );
}
