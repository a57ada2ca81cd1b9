/*
 * Signs in with the strongest mechanism that the server offers. A refusal is final, since accounts
 * get locked after a few; only where a mechanism cannot be used, here or there, the next one is
 * tried. SCRAM and access tokens are ours (sasl.c); the other mechanisms, in which the server
 * proves nothing, are libetpan's.
 */
#include "loader/imap/names/server_words.h"
#include "loader/imap/session/bearer.h"
#include "loader/imap/session/sasl_internal.h"
#include "loader/imap/session/scram.h"
#include "loader/imap/session/session_internal.h"
#include "queue/base/scoped.h"

#include <stdlib.h>
#include <string.h>

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
static const char *const password_mechanisms[] = {"SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN",
						  NULL};

/* OAUTHBEARER (RFC 7628) is the standard, XOAUTH2 what Google and Microsoft had before it. */
static const char *const token_mechanisms[] = {"OAUTHBEARER", "XOAUTH2", NULL};

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

/* What would end a command line or a part of a message is refused before anything is sent. */
static int check_user(const char *user, struct error *err)
{
	if (!*user)
		return error_set(err, ERROR_CONFIGURATION, "the user name is empty");
	for (const char *at = user; *at; at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return error_set(err, ERROR_CONFIGURATION,
					 "the user name holds a control character");
	}
	return 0;
}

/* RFC 6750, 2.1: a token is one word of ASCII. */
static int check_token(const char *token, struct error *err)
{
	for (const char *at = token; *at; at++) {
		if (!g_ascii_isgraph(*at))
			return error_set(err, ERROR_CONFIGURATION,
					 "the access token is not one word: the token command "
					 "prints the token alone, in its first line");
	}
	return 0;
}

/* LOGIN and CRAM-MD5 have one name only. */
static bool can_act_for_others(const char *mechanism)
{
	return strcmp(mechanism, "LOGIN") != 0 && strcmp(mechanism, "CRAM-MD5") != 0;
}

static int check_account(const struct imapc_account *account, struct error *err)
{
	const char *mechanism = account->server->auth_mech;
	const char *secret = secret_text(account->secret);
	bool token_mechanism = mechanism && bearer_knows(mechanism);

	if (check_user(account->user_name, err) < 0)
		return -1;
	if (account->secret_is_token && check_token(secret, err) < 0)
		return -1;
	if (strpbrk(secret, "\r\n"))
		return error_set(err, ERROR_CONFIGURATION, "the password holds a line break");
	if (token_mechanism && !account->secret_is_token)
		return error_set(err, ERROR_CONFIGURATION,
				 "authMech=%s needs an access token: --token-command", mechanism);
	if (mechanism && account->server->auth_user && !can_act_for_others(mechanism))
		return error_set(err, ERROR_CONFIGURATION,
				 "authMech=%s signs in for nobody else: drop it, or authUser",
				 mechanism);
	if (mechanism && !token_mechanism && account->secret_is_token)
		return error_set(err, ERROR_CONFIGURATION,
				 "authMech=%s needs a password, but the queue has an access token",
				 mechanism);
	return 0;
}

/* --- one attempt ------------------------------------------------------- */

/* What an exchange brought besides its result. */
struct exchange {
	struct error fault; /* of the server's part in it */
	char *reason;	    /* why the server refuses; NULL: it does not say */
};

/* An authorization identity only where the operator names one: it makes some servers refuse. */
static int authenticate(const struct sign_in *job, const char *mechanism, struct exchange *exchange)
{
	const struct connection_string *server = job->account->server;
	const char *user = job->account->user_name;
	const char *owner = connection_string_owner(server, user);
	const char *secret = secret_text(job->account->secret);
	g_autofree char *capability = g_strconcat("AUTH=", mechanism, NULL);
	mailimap *imap = job->session->imap;

	if (scram_knows(mechanism))
		return sasl_by_scram(job->session, mechanism, user, secret, &exchange->fault);
	if (bearer_knows(mechanism))
		return sasl_by_token(job->session, mechanism, owner, secret, &exchange->reason);
	if (!strcmp(mechanism, "EXTERNAL"))
		return sasl_by_external(job->session, server->auth_user ? server->auth_user : "");
	if (!strcmp(mechanism, "LOGIN") && !imapc_has_capability(job->session, capability))
		return mailimap_login(imap, user, secret);
	return mailimap_authenticate(imap, mechanism, server->url, NULL, NULL,
				     server->auth_user ? server->auth_user : "", user, secret,
				     NULL);
}

static enum outcome explain_refusal(const struct sign_in *job, const char *mechanism,
				    const char *words, const char *reason)
{
	const struct imapc_session *session = job->session;
	bool scram = g_str_has_prefix(mechanism, "SCRAM-");
	struct server_meaning meaning = server_words_meaning(words, ERROR_CREDENTIALS);

	/* A plain NO to a sign-in is about the credentials; the words may say that the server is
	 * busy. */
	if (meaning.kind == ERROR_PROTOCOL || meaning.kind == ERROR_CONFIGURATION)
		meaning.kind = ERROR_CREDENTIALS;
	if (meaning.kind == ERROR_CREDENTIALS)
		meaning.reason = REASON_SIGN_IN;
	error_set(job->err, meaning.kind, "sign-in as '%s' refused by %s (%s): %s%s%s%s%s%s",
		  job->account->user_name, session->server->url, mechanism, words,
		  reason ? "; the server's reason: " : "", reason ? reason : "",
		  meaning.advice ? "; " : "", meaning.advice ? meaning.advice : "",
		  scram && meaning.kind == ERROR_CREDENTIALS && is_offered(session, "PLAIN")
		      ? "; if the password is right, authMech=PLAIN tries another way"
		      : "");
	server_words_error(job->err, &meaning);
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

static enum outcome judge_attempt(const struct sign_in *job, const char *mechanism, int result,
				  const char *reason)
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
	if (job->err->kind != ERROR_TEMPORARY &&
	    (!strcmp(status, "BAD") || g_str_has_prefix(words, "[CANNOT]"))) {
		explain_refusal(job, mechanism, words, reason);
		return UNAVAILABLE;
	}
	return explain_refusal(job, mechanism, words, reason);
}

static enum outcome attempt(const struct sign_in *job, const char *mechanism)
{
	mailimap *imap = job->session->imap;
	int tag = imap->imap_tag;
	struct exchange exchange = {0};

	imapc_begin(job->session);
	/* From here to the end of the exchange the protocol log shows a number of bytes. */
	transport_hide(job->session->transport, true);

	int result = authenticate(job, mechanism, &exchange);
	g_autofree char *reason = exchange.reason;

	transport_hide(job->session->transport, false);
	/* libetpan leaves the command line in its buffer. */
	if (imap->imap_stream)
		explicit_bzero(imap->imap_stream->write_buffer, imap->imap_stream->buffer_max_size);
	if (exchange.fault.kind != ERROR_NONE)
		return explain_broken_exchange(job, mechanism, exchange.fault.text);
	/* Not even a tag was used: the SASL library has no such mechanism. */
	if (result == MAILIMAP_ERROR_LOGIN && imap->imap_tag == tag) {
		error_set(job->err, ERROR_CREDENTIALS,
			  "%s cannot be used here: the package libsasl2-modules brings it",
			  mechanism);
		return UNAVAILABLE;
	}
	return judge_attempt(job, mechanism, result, reason);
}

/* --- the choice -------------------------------------------------------- */

static int use(const struct sign_in *job, const char *mechanism, enum outcome *ret_outcome)
{
	*ret_outcome = REFUSED;
	if (imapc_check_worth(job->session, job->account, mechanism, job->err) < 0)
		return -1;
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

static int explain_none(const struct sign_in *job, bool token)
{
	g_autofree char *offered = list_offered(job->session);
	const char *url = job->session->server->url;

	if (token)
		return error_set(job->err, ERROR_CREDENTIALS,
				 "%s offers neither OAUTHBEARER nor XOAUTH2, and the queue has an "
				 "access token; it offers %s",
				 url, offered);
	return error_set(job->err, ERROR_CREDENTIALS,
			 "%s offers no sign-in with a password; it offers %s%s", url, offered,
			 is_offered(job->session, "OAUTHBEARER") ||
				 is_offered(job->session, "XOAUTH2")
			     ? ": use --token-command"
			     : "");
}

static int use_strongest(const struct sign_in *job, bool token)
{
	const char *const *mechanism = token ? token_mechanisms : password_mechanisms;
	bool tried = false;

	for (; *mechanism; mechanism++) {
		enum outcome outcome = UNAVAILABLE;

		if (!is_offered(job->session, *mechanism) ||
		    (job->account->server->auth_user && !can_act_for_others(*mechanism)))
			continue;
		tried = true;
		if (use(job, *mechanism, &outcome) == 0)
			return 0;
		if (outcome == REFUSED)
			return -1;
	}
	return tried ? -1 : explain_none(job, token);
}

int imapc_sign_in(struct imapc_session *session, const struct imapc_account *account,
		  struct error *err)
{
	const struct sign_in job = {.session = session, .account = account, .err = err};

	if (check_account(account, err) < 0)
		return -1;
	if (account->server->auth_mech)
		return use_only(&job, account->server->auth_mech);
	return use_strongest(&job, account->secret_is_token);
}
