/*
 * Says which sign-in is worth more than which. A server that was good for SCRAM with TLS and now offers
 * PLAIN without may be somebody in between who wants the password.
 */
#include "loader/imap/session/session_internal.h"

#include <string.h>

/* The least first. Those of one row are worth the same: in PLAIN and LOGIN the server gets the
 * password, a token is good for an hour or so, with CRAM-MD5 the password can be guessed from what is
 * sent, by SCRAM the server proves that it knows it, too. */
static const char *const worth[][2] = {
    {"PREAUTH", NULL},	   {"PLAIN", "LOGIN"},	    {"OAUTHBEARER", "XOAUTH2"}, {"CRAM-MD5", NULL},
    {"SCRAM-SHA-1", NULL}, {"SCRAM-SHA-256", NULL}, {"EXTERNAL", NULL},
};

static size_t worth_of(const char *mechanism)
{
	for (size_t i = 0; i < G_N_ELEMENTS(worth); i++) {
		if (!g_strcmp0(mechanism, worth[i][0]) || !g_strcmp0(mechanism, worth[i][1]))
			return i;
	}
	return 0;
}

int imapc_check_worth(const struct imapc_session *session, const struct imapc_account *account,
		      const char *mechanism, struct error *err)
{
	const struct imapc_worth *least = &account->least;
	bool tls = transport_facts(session->transport)->tls != NULL;

	if (!least->mechanism ||
	    (tls >= least->tls && worth_of(mechanism) >= worth_of(least->mechanism)))
		return 0;
	return error_set(err, ERROR_CREDENTIALS,
			 "not signed in as '%s' at %s: the last sign-in was by %s %s TLS, this one "
			 "would be by %s %s TLS, and somebody may be in between; where the server "
			 "was changed, %s lets it pass",
			 account->user_name, session->server->url, least->mechanism,
			 least->tls ? "with" : "without", mechanism, tls ? "with" : "without",
			 least->way_out);
}
