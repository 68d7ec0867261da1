/// <reference types="vite/client" />

interface ImportMetaEnv {
  /** The URL of the project. */
  readonly VITE_MAYFLY_URL: string;
  /** The publishable key, the only key that a browser may have. */
  readonly VITE_MAYFLY_PUBLISHABLE_KEY: string;
}
