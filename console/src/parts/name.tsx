import { href } from "../app/route.ts";
import { space } from "../session/session.ts";

/** The name of an agent or a person. An agent's name links to its page. */
export function Name({ id, plain = false }: { id: string | null; plain?: boolean }) {
  const { kind, name } = space.value?.names.of(id) ?? { kind: "unknown", name: "" };
  if (kind !== "agent" || id === null || plain)
    return (
      <bdi class={`name ${kind}`} title={id ?? undefined}>
        {name}
      </bdi>
    );
  return (
    <a class="name agent" href={href("agents", id)}>
      <bdi>{name}</bdi>
    </a>
  );
}
