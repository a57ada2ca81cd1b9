/*
 * sasl_internal.h - sign-ins whose messages are ours: SCRAM, and access tokens. sign_in.c chooses
 * between them and libetpan's.
 *
 * All return a result of libetpan's; the last line of the server is in the session's buffer. What
 * was sent or built of a secret is wiped.
 */
#ifndef LOADER_IMAP_SESSION_SASL_INTERNAL_H
#define LOADER_IMAP_SESSION_SASL_INTERNAL_H

#include "loader/imap/session/session_internal.h"

/* Where the server's part of the exchange is wrong, *ret_fault says how, and the session is of no
 * use any more; else its kind stays ERROR_NONE. */
int sasl_by_scram(struct imapc_session *session, const char *mechanism, const char *user,
		  const char *password, struct error *ret_fault);

/* By the client's certificate (RFC 4422, A). `authorize` is whom to act for; "": whom the certificate
 * names. */
int sasl_by_external(struct imapc_session *session, const char *authorize);

/* *ret_reason: why the server refuses the token, in words; NULL where it does not say. The caller
 * frees it with g_free(). */
int sasl_by_token(struct imapc_session *session, const char *mechanism, const char *user,
		  const char *token, char **ret_reason);

#endif
