const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * An id as Postgres writes it, and so as answers, events and topics have it. In capitals it is the same to
 * the database, but a different text wherever ids are compared here.
 */
export const idOf = (id: string): string => (uuid.test(id) ? id.toLowerCase() : id);
