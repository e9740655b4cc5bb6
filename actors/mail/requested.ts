/** An event for the host, not for the machine: a mail that was sent or rejected is owed again. */
export const MAIL_REQUESTED = "mail.requested";
