import { second } from "../live/clock.ts";

const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const clock = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

const ms = (at: Date | number): number => (typeof at === "number" ? at : at.getTime());

export const absoluteTime = (at: Date | number): string => absolute.format(at);

/** `14:03:07.120` for today, and with the date for another day. */
export function clockTime(at: Date | number, withMs = false): string {
  const time = clock.format(at);
  const exact = withMs ? `${time}.${String(ms(at) % 1_000).padStart(3, "0")}` : time;
  const isToday = new Date(at).toDateString() === new Date().toDateString();
  return isToday ? exact : `${day.format(at)} ${exact}`;
}

/** `450 ms`, `3.2 s`, `4 min 10 s`, `2 h 5 min`, `3 d`. */
export function duration(length: number): string {
  const whole = Math.max(0, Math.round(length));
  if (whole < 1_000) return `${whole} ms`;
  if (whole < 9_950) return `${(whole / 1_000).toFixed(1)} s`;
  // Rounded first, so that 60 s never remain.
  const seconds = Math.round(whole / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return `${minutes} min ${seconds % 60} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d`;
}

/** `just now`, `12 s ago`, `in 3 min`. */
export function relative(at: Date | number, now = Date.now()): string {
  const length = now - ms(at);
  if (Math.abs(length) < 2_000) return "just now";
  const rounded = Math.abs(length) < 60_000 ? Math.round(length / 1_000) * 1_000 : length;
  const text = duration(Math.abs(rounded)).replace(/^(\d+)\.0 s$/, "$1 s");
  return length > 0 ? `${text} ago` : `in ${text}`;
}

/** A relative time that stays up to date, with the absolute time as its title. */
export function Ago({ at }: { at: Date | number }) {
  return (
    <time dateTime={new Date(at).toISOString()} title={absoluteTime(at)}>
      {relative(at, second.value)}
    </time>
  );
}

/** A time of day, optionally with milliseconds, and with the relative time as its title. */
export function At({ at, exact = false }: { at: Date | number; exact?: boolean }) {
  return (
    <time dateTime={new Date(at).toISOString()} title={`${absoluteTime(at)}, ${relative(at)}`}>
      {clockTime(at, exact)}
    </time>
  );
}
