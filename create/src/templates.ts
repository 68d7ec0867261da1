export interface Template {
  /** The template's folder in templates/. */
  name: "node" | "next" | "supabase";
  title: string;
  /** What a person can do once the project runs. */
  next: string;
}

export const templates: Template[] = [
  {
    name: "node",
    title: "a team in Node with a model",
    next: "Without a key, a scripted stand-in takes the model's place. README.md says how to choose a model.",
  },
  {
    name: "next",
    title: "a Next.js page with live agents",
    next: "Then open http://localhost:3000 in two windows, and spawn an agent in one of them.",
  },
  {
    name: "supabase",
    title: "a Supabase function that does jobs",
    next: "README.md says how to deploy it to your Supabase project.",
  },
];
