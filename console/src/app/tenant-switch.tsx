import { space, tenants } from "../session/session.ts";

/** Switches between tenants. With only one tenant, shows its name. */
export function TenantSwitch() {
  const open = space.value?.tenant;
  if (!open) return null;
  const all = tenants.value;
  if (all.length < 2)
    return (
      <span class="tenant">
        <bdi>{open.name}</bdi>
      </span>
    );
  return (
    <select
      class="tenant"
      aria-label="Tenant"
      value={open.id}
      onChange={({ currentTarget }) => {
        location.hash = `#/${currentTarget.value}/now`;
      }}
    >
      {all.map(({ id, name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </select>
  );
}
