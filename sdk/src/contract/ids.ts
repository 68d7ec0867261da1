const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * An id in the form in which Postgres, and so every answer, event and topic, has it. The database
 * also accepts capitals, but the SDK compares ids as text.
 */
export const idOf = (id: string): string => (uuid.test(id) ? id.toLowerCase() : id);
