/*
 * Signs in with the strongest mechanism that the server offers. A refusal is final, since accounts
 * get locked after a few; only where a mechanism cannot be used, here or there, the next one is
 * tried. SCRAM is ours: scram.c has its messages, here they are sent, and an OK that comes before the
 * server's proof is not believed. The other mechanisms, in which the server proves nothing, are
 * libetpan's.
 */
#include "loader/imap/session/scram.h"
#include "loader/imap/session/session_internal.h"
#include "queue/base/scoped.h"

#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>

/* --- SCRAM ------------------------------------------------------------------- */

#define NONCE_BYTES 18

static char *make_nonce(void)
{
	unsigned char bytes[NONCE_BYTES];

	/* A predictable nonce would let an old exchange be replayed: better to die. */
	if (gnutls_rnd(GNUTLS_RND_NONCE, bytes, sizeof bytes) < 0)
		abort();
	return g_base64_encode(bytes, sizeof bytes);
}

static char *encode(const char *message)
{
	return g_base64_encode((const guchar *)message, strlen(message));
}

static int send_message(struct imapc_session *session, const char *message)
{
	g_autofree char *base64 = encode(message);
	g_autofree char *line = g_strconcat(base64, "\r\n", NULL);

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

/* With SASL-IR (RFC 4959) one round trip less. */
static int send_first(struct imapc_session *session, const char *mechanism, const char *message)
{
	bool at_once = imapc_has_capability(session, "SASL-IR");
	g_autofree char *base64 = encode(message);
	g_autofree char *command = g_strconcat("AUTHENTICATE ", mechanism, at_once ? " " : "",
					       at_once ? base64 : "", "\r\n", NULL);
	g_autofree char *ignored = NULL;
	int result = mailimap_send_current_tag(session->imap);

	if (result == MAILIMAP_NO_ERROR)
		result = imapc_send_text(session, command);
	if (result != MAILIMAP_NO_ERROR || at_once)
		return result;
	result = read_message(session, &ignored);
	return result == MAILIMAP_NO_ERROR ? send_message(session, message) : result;
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

/* Returns a result of libetpan's. Where the server's part of the exchange is wrong, *ret_fault says
 * how, and the session is of no use any more; else its kind stays ERROR_NONE. */
static int sign_in_by_scram(struct imapc_session *session, const char *mechanism, const char *user,
			    const char *password, struct error *ret_fault)
{
	g_autofree char *nonce = make_nonce();
	scoped(scram_free) struct scram *scram = scram_new(mechanism, user, password, nonce);
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

/* --- the choice of a mechanism ----------------------------------------------- */

enum outcome {
	SIGNED_IN,
	REFUSED,    /* by the server: not to be tried again, accounts get locked */
	UNAVAILABLE /* here or there: the next mechanism may do */
};

struct sign_in {
	struct imapc_session *session;
	const struct imapc_account *account;
	struct error *err;
};

/* Strongest first. LOGIN is the SASL mechanism where offered, else the command. */
static const char *const password_mechanisms[] = {"SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"};

/* --- what is possible -------------------------------------------------- */

static bool is_offered(const struct imapc_session *session, const char *mechanism)
{
	g_autofree char *capability = g_strconcat("AUTH=", mechanism, NULL);

	if (imapc_has_capability(session, capability))
		return true;
	return !strcmp(mechanism, "LOGIN") && !imapc_has_capability(session, "LOGINDISABLED");
}

static char *list_offered(const struct imapc_session *session)
{
	GString *list = g_string_new(NULL);

	for (guint i = 0; i < session->shown->len; i++) {
		const char *name = g_ptr_array_index(session->shown, i);

		if (g_str_has_prefix(name, "AUTH="))
			g_string_append_printf(list, "%s%s", list->len > 0 ? ", " : "",
					       name + strlen("AUTH="));
	}
	if (list->len == 0)
		g_string_append(list, "no mechanism");
	return g_string_free(list, FALSE);
}

static int check_account(const struct imapc_account *account, struct error *err)
{
	const char *mechanism = account->server->auth_mech;
	bool token_mechanism = mechanism && !strcmp(mechanism, "XOAUTH2");

	/* Characters that would end the command line are refused before anything is sent. */
	if (!*account->user_name)
		return error_set(err, ERROR_CONFIGURATION, "the user name is empty");
	for (const char *at = account->user_name; *at; at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return error_set(err, ERROR_CONFIGURATION,
					 "the user name holds a control character");
	}
	if (strpbrk(secret_text(account->secret), "\r\n"))
		return error_set(err, ERROR_CONFIGURATION, "the password holds a line break");
	if (token_mechanism && !account->secret_is_token)
		return error_set(err, ERROR_CONFIGURATION,
				 "authMech=XOAUTH2 needs an access token: --token-command");
	if (mechanism && !token_mechanism && account->secret_is_token)
		return error_set(err, ERROR_CONFIGURATION,
				 "authMech=%s needs a password, but the queue has an access token",
				 mechanism);
	return 0;
}

/* --- one attempt ------------------------------------------------------- */

/* The user as authentication identity only: an authorization identity makes some servers refuse. */
static int authenticate(const struct sign_in *job, const char *mechanism, struct error *ret_fault)
{
	const char *user = job->account->user_name;
	const char *secret = secret_text(job->account->secret);
	g_autofree char *capability = g_strconcat("AUTH=", mechanism, NULL);
	mailimap *imap = job->session->imap;

	if (scram_knows(mechanism))
		return sign_in_by_scram(job->session, mechanism, user, secret, ret_fault);
	if (!strcmp(mechanism, "XOAUTH2"))
		return mailimap_oauth2_authenticate(imap, user, secret);
	if (!strcmp(mechanism, "LOGIN") && !imapc_has_capability(job->session, capability))
		return mailimap_login(imap, user, secret);
	return mailimap_authenticate(imap, mechanism, job->account->server->url, NULL, NULL, "",
				     user, secret, NULL);
}

static enum outcome explain_refusal(const struct sign_in *job, const char *mechanism,
				    const char *words)
{
	const struct imapc_session *session = job->session;
	bool scram = g_str_has_prefix(mechanism, "SCRAM-");
	enum error_kind kind = job->err->kind;

	/* A plain NO to a sign-in is about the credentials; a response code may say that the server
	 * is busy. */
	if (kind == ERROR_PROTOCOL || kind == ERROR_CONFIGURATION)
		kind = ERROR_CREDENTIALS;
	error_set(job->err, kind, "sign-in as '%s' refused by %s (%s): %s%s",
		  job->account->user_name, session->server->url, mechanism, words,
		  scram && kind == ERROR_CREDENTIALS && is_offered(session, "PLAIN")
		      ? "; if the password is right, authMech=PLAIN tries another way"
		      : "");
	if (kind == ERROR_CREDENTIALS)
		job->err->reason = REASON_SIGN_IN;
	return REFUSED;
}

static enum outcome explain_broken_exchange(const struct sign_in *job, const char *mechanism,
					    const char *fault)
{
	imapc_kill(job->session);
	error_set(job->err, ERROR_CREDENTIALS, "sign-in as '%s' at %s failed (%s): %s",
		  job->account->user_name, job->session->server->url, mechanism, fault);
	job->err->reason = REASON_SIGN_IN;
	return REFUSED;
}

static enum outcome judge_attempt(const struct sign_in *job, const char *mechanism, int result)
{
	g_autofree char *words = NULL;
	const char *status = imapc_status_of_answer(job->session, &words);

	/* Neither an answer nor a lost connection: libetpan stopped in the middle. */
	if (result == MAILIMAP_ERROR_LOGIN && !status)
		return explain_broken_exchange(job, mechanism,
					       "the server's part of the exchange is wrong");
	if (imapc_judge(job->session, result, job->err) == 0)
		return SIGNED_IN;
	if (!job->session->alive)
		return REFUSED;
	if (!strcmp(status, "BAD") || g_str_has_prefix(words, "[CANNOT]")) {
		explain_refusal(job, mechanism, words);
		return UNAVAILABLE;
	}
	return explain_refusal(job, mechanism, words);
}

static enum outcome attempt(const struct sign_in *job, const char *mechanism)
{
	mailimap *imap = job->session->imap;
	int tag = imap->imap_tag;
	struct error fault = {0};

	imapc_begin(job->session);
	/* From here to the end of the exchange the protocol log shows a number of bytes. */
	transport_hide(job->session->transport, true);

	int result = authenticate(job, mechanism, &fault);

	transport_hide(job->session->transport, false);
	/* libetpan leaves the command line in its buffer. */
	if (imap->imap_stream)
		explicit_bzero(imap->imap_stream->write_buffer, imap->imap_stream->buffer_max_size);
	if (fault.kind != ERROR_NONE)
		return explain_broken_exchange(job, mechanism, fault.text);
	/* Not even a tag was used: the SASL library has no such mechanism. */
	if (result == MAILIMAP_ERROR_LOGIN && imap->imap_tag == tag) {
		error_set(job->err, ERROR_CREDENTIALS,
			  "%s cannot be used here: the package libsasl2-modules brings it",
			  mechanism);
		return UNAVAILABLE;
	}
	return judge_attempt(job, mechanism, result);
}

/* --- the choice -------------------------------------------------------- */

static int use(const struct sign_in *job, const char *mechanism, enum outcome *ret_outcome)
{
	*ret_outcome = attempt(job, mechanism);
	if (*ret_outcome != SIGNED_IN)
		return -1;
	job->session->mechanism = g_strdup(mechanism);
	return 0;
}

static int use_only(const struct sign_in *job, const char *mechanism)
{
	enum outcome outcome;
	g_autofree char *offered = list_offered(job->session);

	if (is_offered(job->session, mechanism))
		return use(job, mechanism, &outcome);
	return error_set(job->err, ERROR_CREDENTIALS, "%s does not offer %s; it offers %s",
			 job->session->server->url, mechanism, offered);
}

static int use_strongest(const struct sign_in *job)
{
	bool tried = false;

	for (size_t i = 0; i < G_N_ELEMENTS(password_mechanisms); i++) {
		enum outcome outcome = UNAVAILABLE;

		if (!is_offered(job->session, password_mechanisms[i]))
			continue;
		tried = true;
		if (use(job, password_mechanisms[i], &outcome) == 0)
			return 0;
		if (outcome == REFUSED)
			return -1;
	}
	if (tried)
		return -1;

	g_autofree char *offered = list_offered(job->session);

	return error_set(
	    job->err, ERROR_CREDENTIALS, "%s offers no sign-in with a password; it offers %s%s",
	    job->session->server->url, offered,
	    imapc_has_capability(job->session, "AUTH=XOAUTH2") ? ": use --token-command" : "");
}

int imapc_sign_in(struct imapc_session *session, const struct imapc_account *account,
		  struct error *err)
{
	const struct sign_in job = {.session = session, .account = account, .err = err};

	if (check_account(account, err) < 0)
		return -1;
	if (account->secret_is_token)
		return use_only(&job, "XOAUTH2");
	if (account->server->auth_mech)
		return use_only(&job, account->server->auth_mech);
	return use_strongest(&job);
}
