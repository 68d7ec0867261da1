const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Converts an id to the form that Postgres uses, and therefore every answer, event and topic. The
 * database also accepts capitals, but the SDK compares ids as text.
 */
export const idOf = (id: string): string => (uuid.test(id) ? id.toLowerCase() : id);
