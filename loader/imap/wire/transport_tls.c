/*
 * Describes the TLS of a connection, for `queue check`: version, cipher, and whose certificate it
 * is. It judges nothing; loader/certificate does.
 */
#include "loader/imap/names/server_words.h"
#include "loader/imap/wire/transport_internal.h"

#include <glib.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

static char *describe_name(gnutls_x509_crt_t certificate,
			   int (*get)(gnutls_x509_crt_t, gnutls_datum_t *, unsigned int))
{
	gnutls_datum_t name = {NULL, 0};

	if (get(certificate, &name, 0) < 0)
		return NULL;

	char *text = server_words((const char *)name.data, name.size);

	gnutls_free(name.data);
	return text;
}

static char *describe_expiry(gnutls_x509_crt_t certificate)
{
	g_autoptr(GDateTime) time =
	    g_date_time_new_from_unix_utc((gint64)gnutls_x509_crt_get_expiration_time(certificate));

	return time ? g_date_time_format_iso8601(time) : NULL;
}

static void note_certificate(struct transport_facts *facts, gnutls_session_t tls)
{
	unsigned int count = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(tls, &count);
	gnutls_x509_crt_t certificate = NULL;

	if (!chain || count == 0 || gnutls_x509_crt_init(&certificate) < 0)
		return;
	if (gnutls_x509_crt_import(certificate, &chain[0], GNUTLS_X509_FMT_DER) == 0) {
		facts->certificate_subject = describe_name(certificate, gnutls_x509_crt_get_dn3);
		facts->certificate_issuer =
		    describe_name(certificate, gnutls_x509_crt_get_issuer_dn3);
		facts->certificate_expires = describe_expiry(certificate);
		facts->certificate_begins_s =
		    (int64_t)gnutls_x509_crt_get_activation_time(certificate);
		facts->certificate_ends_s =
		    (int64_t)gnutls_x509_crt_get_expiration_time(certificate);
	}
	gnutls_x509_crt_deinit(certificate);
}

static const char *tls_name(gnutls_protocol_t version)
{
	switch (version) {
	case GNUTLS_TLS1_2:
		return "TLSv1.2";
	case GNUTLS_TLS1_3:
		return "TLSv1.3";
	default:
		return gnutls_protocol_get_name(version);
	}
}

bool transport_note_tls(struct transport *transport)
{
	struct curl_tlssessioninfo *info = NULL;

	/* Another TLS library gives another kind of session, of which nothing is known here. */
	if (transport->facts.tls ||
	    curl_easy_getinfo(transport->curl, CURLINFO_TLS_SSL_PTR, &info) != CURLE_OK || !info ||
	    info->backend != CURLSSLBACKEND_GNUTLS || !info->internals)
		return false;

	gnutls_session_t tls = info->internals;

	transport->facts.tls = g_strdup(tls_name(gnutls_protocol_get_version(tls)));
	transport->facts.cipher = g_strdup(gnutls_ciphersuite_get(tls));
	note_certificate(&transport->facts, tls);
	return true;
}

const struct transport_facts *transport_facts(const struct transport *transport)
{
	return &transport->facts;
}

void transport_forget_facts(struct transport *transport)
{
	struct transport_facts *facts = &transport->facts;

	g_free(facts->tls);
	g_free(facts->cipher);
	g_free(facts->certificate_subject);
	g_free(facts->certificate_issuer);
	g_free(facts->certificate_expires);
	g_free(facts->peer_address);
}
