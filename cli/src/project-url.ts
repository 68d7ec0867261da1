import { usage } from "./failure.ts";

/** The URL of a project without a slash at its end. */
export function projectUrl(text: string): string {
  const url = URL.parse(text);
  if (url && /^https?:$/.test(url.protocol))
    return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
  throw usage(
    `${text} is not a URL.`,
    text.includes("<ref>")
      ? "Replace <ref> with the reference of your project: Project Settings → General."
      : "It should look like https://<ref>.supabase.co",
  );
}
