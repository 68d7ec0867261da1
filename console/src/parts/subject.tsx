import { href } from "../app/route.ts";
import { subjectOf } from "../live/about.ts";
import type { Happening } from "../live/events.ts";
import { space } from "../session/session.ts";

/** What an event is about, in words, with a link to its page if it has one. Nothing if its subject is not known. */
export function Subject({ of }: { of: Happening }) {
  const open = space.value;
  void open?.subjects.version.value;
  void open?.messages.version.value;
  const about = open && subjectOf(open, of);
  if (!about) return null;
  const path = of.subject === null ? undefined : open.subjects.pathOf(of.subject);
  if (!path) return <bdi>{about}</bdi>;
  const [page = "", ...rest] = path;
  return (
    <a class="underlined" href={href(page, ...rest)}>
      <bdi>{about}</bdi>
    </a>
  );
}
