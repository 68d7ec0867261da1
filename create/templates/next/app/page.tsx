import { environment } from "./environment";
import { Page } from "./sign-in";

/** Renders the page at each request, because the keys depend on where the app runs. */
export const dynamic = "force-dynamic";

export default function Home() {
  const { url, publishableKey, tenant } = environment();
  return <Page project={{ url, publishableKey, tenant }} />;
}
