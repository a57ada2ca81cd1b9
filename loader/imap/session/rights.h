/*
 * rights.h - what the user may do in a folder (RFC 4314, and RFC 2086 before it).
 *
 * Works on a session (session.h: life, names, errors, threads). Changes nothing.
 */
#ifndef LOADER_IMAP_SESSION_RIGHTS_H
#define LOADER_IMAP_SESSION_RIGHTS_H

#include "loader/imap/session/session.h"

/*
 * Which of the rights `needed` ("te") the user lacks in a folder: *ret_lacking is NULL when none is
 * lacking, or when the server does not tell (it has no ACL, or refuses to say). Caller frees with
 * g_free(). Errors: those that end a session.
 */
int rights_find_lacking(struct imapc_session *session, const char *wire, const char *needed,
			char **ret_lacking, struct error *err);

/* "t (mark messages as deleted), e (expunge)". Caller frees with g_free(). */
char *rights_describe(const char *rights);

#endif
