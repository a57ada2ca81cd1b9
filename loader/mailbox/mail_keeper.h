/*
 * mail_keeper.h - the background process that keeps a session signed in between commands.
 *
 * Life:    mail_keeper_start() forks it; it ends when it is told to, when nobody has used it for
 *          idle_s, when its socket is deleted, or by TERM. It connects again by itself when it is
 *          used after the server has ended the session.
 * Secrets: the password lives in its memory only, locked there where the system allows it, is never
 *          in a core dump, and is wiped at the end.
 * Errors:  those of session.h, NO (the name is taken), IO.
 */
#ifndef LOADER_MAILBOX_MAIL_KEEPER_H
#define LOADER_MAILBOX_MAIL_KEEPER_H

#include "loader/mailbox/mail_session.h"

/*
 * Returns when the session is signed in and can be used under this name, or with the reason why
 * not.
 */
int mail_keeper_start(const char *name, struct mail_account *account, uint32_t idle_s,
		      struct error *err);

#endif
