/*
 * Speaks the sign-ins whose messages are ours: scram.c and bearer.c have the messages, here they are
 * sent. An OK that comes before the server's proof is not believed; a server that refuses a token
 * gets the answer that it waits for, and its reason is kept.
 */
#include "loader/imap/session/sasl_internal.h"

#include "loader/imap/session/bearer.h"
#include "loader/imap/session/scram.h"
#include "queue/base/scoped.h"

#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>

static char *encode(const char *message)
{
	return g_base64_encode((const guchar *)message, strlen(message));
}

static int send_message(struct imapc_session *session, const char *message)
{
	scoped(secret_wipe) char *base64 = encode(message);
	scoped(secret_wipe) char *line = g_strconcat(base64, "\r\n", NULL);

	return imapc_send_text(session, line);
}

/* Reads the next message of the server. MAILIMAP_ERROR_LOGIN: the end of the command came
 * instead. */
static int read_message(struct imapc_session *session, char **ret_message)
{
	enum imapc_line kind = IMAPC_LINE_OTHER;

	for (int i = 0; i < IMAPC_LINES_MAX && kind != IMAPC_LINE_CONTINUE; i++) {
		int result = imapc_read_line(session, &kind);

		if (result != MAILIMAP_NO_ERROR)
			return result;
		if (kind == IMAPC_LINE_TAGGED)
			return MAILIMAP_ERROR_LOGIN;
	}
	if (kind != IMAPC_LINE_CONTINUE)
		return MAILIMAP_ERROR_PARSE;

	gsize size = 0;
	const char *base64 = session->imap->imap_stream_buffer->str + 1;
	g_autofree guchar *bytes = g_base64_decode(base64, &size);

	*ret_message = g_strndup((const char *)bytes, size);
	return MAILIMAP_NO_ERROR;
}

/* With SASL-IR (RFC 4959) one round trip less; "=" stands for an empty message. */
static int send_first(struct imapc_session *session, const char *mechanism, const char *message)
{
	bool at_once = imapc_has_capability(session, "SASL-IR");
	scoped(secret_wipe) char *base64 = encode(message);
	scoped(secret_wipe) char *command =
	    g_strconcat("AUTHENTICATE ", mechanism, at_once ? " " : "",
			!at_once  ? ""
			: *base64 ? base64
				  : "=",
			"\r\n", NULL);
	g_autofree char *ignored = NULL;
	int result = mailimap_send_current_tag(session->imap);

	if (result == MAILIMAP_NO_ERROR)
		result = imapc_send_text(session, command);
	if (result != MAILIMAP_NO_ERROR || at_once)
		return result;
	result = read_message(session, &ignored);
	return result == MAILIMAP_NO_ERROR ? send_message(session, message) : result;
}

/* --- SCRAM ------------------------------------------------------------- */

#define NONCE_BYTES 18

static char *make_nonce(void)
{
	unsigned char bytes[NONCE_BYTES];

	/* A predictable nonce would let an old exchange be replayed: better to die. */
	if (gnutls_rnd(GNUTLS_RND_NONCE, bytes, sizeof bytes) < 0)
		abort();
	return g_base64_encode(bytes, sizeof bytes);
}

static int read_proof(struct imapc_session *session, const struct scram *scram,
		      struct error *ret_fault)
{
	g_autofree char *message = NULL;
	g_autofree char *words = NULL;
	int result = read_message(session, &message);

	if (result == MAILIMAP_NO_ERROR)
		return scram_check(scram, message, ret_fault) < 0 ? MAILIMAP_ERROR_LOGIN : result;
	/* The server says that we are signed in, but has not shown that it knows the password. */
	if (result == MAILIMAP_ERROR_LOGIN &&
	    !g_strcmp0(imapc_status_of_answer(session, &words), "OK"))
		scram_check(scram, "", ret_fault);
	return result;
}

static int converse(struct imapc_session *session, struct scram *scram, struct error *ret_fault)
{
	g_autofree char *challenge = NULL;
	g_autofree char *answer = NULL;
	int result = read_message(session, &challenge);

	if (result != MAILIMAP_NO_ERROR)
		return result;
	if (scram_answer(scram, challenge, &answer, ret_fault) < 0)
		return MAILIMAP_ERROR_LOGIN;
	result = send_message(session, answer);
	if (result == MAILIMAP_NO_ERROR)
		result = read_proof(session, scram, ret_fault);
	/* An empty message lets the server end the exchange. */
	if (result == MAILIMAP_NO_ERROR)
		result = send_message(session, "");
	return result;
}

int sasl_by_scram(struct imapc_session *session, const char *mechanism, const char *user,
		  const char *password, struct error *ret_fault)
{
	g_autofree char *nonce = make_nonce();
	scoped(scram_free) struct scram *scram =
	    scram_new(mechanism, session->server->auth_user, user, password, nonce);
	g_autofree char *first = scram_first(scram);
	int result = send_first(session, mechanism, first);

	if (result == MAILIMAP_NO_ERROR)
		result = converse(session, scram, ret_fault);
	if (result != MAILIMAP_NO_ERROR)
		return result;
	/* The conversation's last line would be taken for the beginning of the answer. */
	mmap_string_truncate(session->imap->imap_stream_buffer, 0);
	return imapc_read_answer(session);
}

/* --- access tokens ----------------------------------------------------- */

/* A continuation is the server's reason for a failure; the tagged answer follows ours to it. */
static int hear_reason(struct imapc_session *session, const char *mechanism, char **ret_reason)
{
	g_autofree char *challenge = NULL;
	g_autofree char *nothing = NULL;
	int result = read_message(session, &challenge);

	if (result != MAILIMAP_NO_ERROR)
		return result;
	g_free(*ret_reason);
	*ret_reason = bearer_reason(challenge);
	result = send_message(session, bearer_acknowledge(mechanism));
	if (result == MAILIMAP_NO_ERROR)
		result = read_message(session, &nothing);
	/* A second one has no place in the exchange. */
	return result == MAILIMAP_NO_ERROR ? MAILIMAP_ERROR_PARSE : result;
}

/* The end of the command has been read as a line: an OK is a success. */
static int take_end(const struct imapc_session *session, int result)
{
	g_autofree char *words = NULL;

	if (result == MAILIMAP_ERROR_LOGIN &&
	    !g_strcmp0(imapc_status_of_answer(session, &words), "OK"))
		return MAILIMAP_NO_ERROR;
	return result;
}

int sasl_by_token(struct imapc_session *session, const char *mechanism, const char *user,
		  const char *token, char **ret_reason)
{
	const struct connection_string *server = session->server;
	scoped(secret_wipe) char *first =
	    bearer_first(mechanism, user, server->url, server->port, token);
	int result = send_first(session, mechanism, first);

	if (result == MAILIMAP_NO_ERROR)
		result = hear_reason(session, mechanism, ret_reason);
	return take_end(session, result);
}

/* --- certificates ------------------------------------------------------ */

int sasl_by_external(struct imapc_session *session, const char *authorize)
{
	g_autofree char *nothing = NULL;
	int result = send_first(session, "EXTERNAL", authorize);

	if (result == MAILIMAP_NO_ERROR)
		result = read_message(session, &nothing);
	/* The server has nothing to ask. */
	return result == MAILIMAP_NO_ERROR ? MAILIMAP_ERROR_PARSE : take_end(session, result);
}
