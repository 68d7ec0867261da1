const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * An id as Postgres writes it, and with it every answer, event and topic. In capitals it is the same
 * for the database, and another text wherever ids are compared here.
 */
export const idOf = (id: string): string => (uuid.test(id) ? id.toLowerCase() : id);
