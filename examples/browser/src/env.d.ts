/// <reference types="vite/client" />

interface ImportMetaEnv {
  /** The project's. */
  readonly VITE_MAYFLY_URL: string;
  /** The publishable key: all that a browser may have. */
  readonly VITE_MAYFLY_PUBLISHABLE_KEY: string;
}
