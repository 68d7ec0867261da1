import { environment } from "./environment";
import { Page } from "./sign-in";

/** Read at each request, since the keys are those of the place where it runs. */
export const dynamic = "force-dynamic";

export default function Home() {
  const { url, publishableKey, tenant } = environment();
  return <Page project={{ url, publishableKey, tenant }} />;
}
