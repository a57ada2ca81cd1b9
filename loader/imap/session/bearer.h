/*
 * bearer.h - the messages of OAUTHBEARER (RFC 7628) and of XOAUTH2, its older relative of Google's
 * and Microsoft's.
 *
 * Pure:      no connection; the protocol around them makes base64 of messages.
 * Ownership: returned texts are the caller's.
 * Threads:   none shared.
 * Source:    RFC 7628, 3; https://developers.google.com/gmail/imap/xoauth2-protocol.
 */
#ifndef LOADER_IMAP_SESSION_BEARER_H
#define LOADER_IMAP_SESSION_BEARER_H

#include <stdbool.h>
#include <stdint.h>

/* "OAUTHBEARER" and "XOAUTH2". */
bool bearer_knows(const char *mechanism);

/* The client's only message. It holds the token: secret_wipe() releases it. */
char *bearer_first(const char *mechanism, const char *user, const char *host, uint16_t port,
		   const char *token);

/* What the client answers to the server's reason for a failure, so that the tagged answer comes;
 * static. */
const char *bearer_acknowledge(const char *mechanism);

/* The server's reason in words, "status invalid_token, scope mail", fit for an error text
 * (server_words.h). Other text than the JSON that RFC 7628, 3.2.2, asks for is given as it is. */
char *bearer_reason(const char *challenge);

#endif
