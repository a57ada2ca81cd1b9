/* Judges a server for curl's connections: takes what the server has shown from curl, asks GnuTLS and
 * the parts of this room in turn, and remembers the last good verdict. */
#include "loader/certificate/certificate_internal.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

/* RFC 7633: the extension that a server must bring the answer to. */
enum { FEATURE_STATUS_REQUEST = 5 };

void certificate_prepare(const struct certificate_trust *trust, void *curl, bool stapled)
{
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYSTATUS, stapled ? 1L : 0L);
	/* A session that is taken up again brings no answer. */
	curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE, stapled ? 0L : 1L);
	if (trust->ca_file != NULL)
		curl_easy_setopt(curl, CURLOPT_CAINFO, trust->ca_file);
	/* Else curl trusts the system's authorities beside ca_file, or reads them twice. */
	curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
}

/* MEDIUM demands a strength of 112 bits: RSA of 2,048, and no SHA-1. */
unsigned int certificate_flags(void)
{
	return GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM);
}

/* ---- what the server has shown ---- */

/* What cannot be read is left out: the way ends there, and that is told. */
static void chain_add(struct certificate_chain *chain, const gnutls_datum_t *bytes,
		      gnutls_x509_crt_fmt_t format)
{
	gnutls_x509_crt_t certificate = NULL;
	if (chain->count == CERTIFICATE_CHAIN_MAX)
		return;
	if (gnutls_x509_crt_init(&certificate) < 0)
		abort();
	if (gnutls_x509_crt_import(certificate, bytes, format) < 0)
		gnutls_x509_crt_deinit(certificate);
	else
		chain->items[chain->count++] = certificate;
}

static void chain_clear(struct certificate_chain *chain)
{
	for (unsigned int i = 0; i < chain->count; i++)
		gnutls_x509_crt_deinit(chain->items[i]);
	chain->count = 0;
}

/* The raw bytes, borrowed from the session; NULL where curl shows no session of GnuTLS. */
static const gnutls_datum_t *chain_of_session(CURL *curl, unsigned int *ret_count)
{
	struct curl_tlssessioninfo *info = NULL;
	if (curl_easy_getinfo(curl, CURLINFO_TLS_SSL_PTR, &info) != CURLE_OK || info == NULL ||
	    info->backend != CURLSSLBACKEND_GNUTLS || info->internals == NULL)
		return NULL;
	return gnutls_certificate_get_peers(info->internals, ret_count);
}

/* After a refusal there is no session any more; curl has kept the certificates as text. */
static void chain_of_refusal(CURL *curl, struct certificate_chain *chain)
{
	struct curl_certinfo *info = NULL;
	if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &info) != CURLE_OK || info == NULL)
		return;
	for (int i = 0; i < info->num_of_certs; i++) {
		for (struct curl_slist *line = info->certinfo[i]; line != NULL; line = line->next) {
			if (!g_str_has_prefix(line->data, "Cert:"))
				continue;
			const char *text = line->data + strlen("Cert:");
			const gnutls_datum_t bytes = {(unsigned char *)text,
						      (unsigned int)strlen(text)};
			chain_add(chain, &bytes, GNUTLS_X509_FMT_PEM);
		}
	}
}

/* ---- the verdict ---- */

static bool case_wants_staple(const struct certificate_case *the_case)
{
	gnutls_x509_tlsfeatures_t features = NULL;
	unsigned int feature = 0;
	bool wanted = false;
	if (gnutls_x509_tlsfeatures_init(&features) < 0)
		abort();
	if (gnutls_x509_crt_get_tlsfeatures(the_case->chain->items[0], features, 0, NULL) == 0) {
		for (unsigned int i = 0; gnutls_x509_tlsfeatures_get(features, i, &feature) == 0;
		     i++)
			wanted = wanted || feature == FEATURE_STATUS_REQUEST;
	}
	gnutls_x509_tlsfeatures_deinit(features);
	return wanted;
}

/* GnuTLS's part: the way up, times, signatures, strength, purpose, constraints. */
static int case_verify(const struct certificate_case *the_case, struct error *err)
{
	gnutls_x509_crt_t items[CERTIFICATE_CHAIN_MAX];
	unsigned int status = GNUTLS_CERT_INVALID;
	gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
					 .data = (unsigned char *)GNUTLS_KP_TLS_WWW_SERVER};
	memcpy(items, the_case->chain->items, sizeof items);
	if (gnutls_x509_trust_list_verify_crt2(the_case->trust->authorities, items,
					       the_case->chain->count, &purpose, 1,
					       certificate_flags(), &status, NULL) < 0)
		status |= GNUTLS_CERT_INVALID;
	return status == 0 ? 0 : certificate_explain_status(the_case, status, err);
}

/* *ret_until: as long nothing of this can change but by new files. */
static int case_judge(struct certificate_case *the_case, time_t *ret_until, struct error *err)
{
	if (the_case->chain->count == 0)
		return error_set(
		    err, ERROR_UNREACHABLE,
		    "%s shows no certificate that can be read: it must be replaced there",
		    the_case->host);
	certificate_trust_complete(the_case->trust);
	certificate_path_find(the_case);
	if (case_verify(the_case, err) != 0 || certificate_check_host(the_case, err) != 0)
		return -1;
	time_t until = gnutls_x509_crt_get_expiration_time(the_case->path.items[0]);
	for (unsigned int i = 1; i < the_case->path.count; i++)
		until = MIN(until, gnutls_x509_crt_get_expiration_time(the_case->path.items[i]));
	if (certificate_check_revoked(the_case, &until, err) != 0)
		return -1;
	*ret_until = until;
	return 0;
}

/* ---- the last good one ---- */

/* Equal bytes are the same chain; a hash of them would save nothing. */
static GBytes *chain_join(const gnutls_datum_t *shown, unsigned int count)
{
	GByteArray *all = g_byte_array_new();
	for (unsigned int i = 0; i < count; i++)
		g_byte_array_append(all, shown[i].data, shown[i].size);
	return g_byte_array_free_to_bytes(all);
}

/* The verdict is about a chain and a host, and holds until the first date in it. */
static bool trust_remembers(const struct certificate_trust *trust, GBytes *chain, const char *host)
{
	return trust->good_chain != NULL && g_bytes_equal(trust->good_chain, chain) &&
	       strcmp(trust->good_host, host) == 0 && time(NULL) < trust->good_until;
}

static void trust_remember(struct certificate_trust *trust, GBytes *chain, const char *host,
			   time_t until)
{
	g_clear_pointer(&trust->good_chain, g_bytes_unref);
	g_free(trust->good_host);
	trust->good_chain = g_bytes_ref(chain);
	trust->good_host = g_strdup(host);
	trust->good_until = until;
}

enum certificate_verdict certificate_judge(struct certificate_trust *trust, void *curl,
					   const char *host, bool stapled, struct error *err)
{
	struct certificate_chain chain = {.count = 0};
	struct certificate_case the_case = {.trust = trust, .host = host, .chain = &chain};
	unsigned int count = 0;
	time_t until = 0;
	const gnutls_datum_t *shown = chain_of_session(curl, &count);
	g_autoptr(GBytes) all = chain_join(shown, shown != NULL ? count : 0);
	if (trust_remembers(trust, all, host))
		return CERTIFICATE_GOOD;
	for (unsigned int i = 0; shown != NULL && i < count; i++)
		chain_add(&chain, &shown[i], GNUTLS_X509_FMT_DER);
	const bool good = case_judge(&the_case, &until, err) == 0;
	/* The answer belongs to the connection, so this chain alone is never enough. */
	const bool wants_staple = good && case_wants_staple(&the_case);
	if (good && !wants_staple)
		trust_remember(trust, all, host, until);
	chain_clear(&chain);
	if (!good)
		return CERTIFICATE_REFUSED;
	return wants_staple && !stapled ? CERTIFICATE_STAPLE : CERTIFICATE_GOOD;
}

/* An answer may come unasked, too. */
static int explain_staple(const char *host, bool stapled, unsigned int bits, const char *curl_text,
			  struct error *err)
{
	if ((bits & GNUTLS_CERT_REVOKED) != 0)
		return error_set(err, ERROR_UNREACHABLE,
				 "the certificate of %s was revoked, as the answer says that its "
				 "server brings along (OCSP): it must be replaced there",
				 host);
	if ((bits & (GNUTLS_CERT_INVALID_OCSP_STATUS | GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED)) !=
	    0)
		return error_set(
		    err, ERROR_UNREACHABLE,
		    "the certificate of %s cannot be checked: the answer about its "
		    "revocation that its server brings along (OCSP) is forged or out of "
		    "date: OCSP stapling must be set up anew there",
		    host);
	if (stapled || (bits & GNUTLS_CERT_MISSING_OCSP_STATUS) != 0)
		return error_set(
		    err, ERROR_UNREACHABLE,
		    "the certificate of %s demands that its server brings an answer "
		    "about its revocation along (OCSP must-staple), and it brings none: "
		    "OCSP stapling must be set up there",
		    host);
	return error_set(err, ERROR_UNREACHABLE, "the certificate of %s is not trusted: %s", host,
			 curl_text);
}

/* What is good but for its staple was asked for one; what curl alone refuses has curl's words. */
int certificate_explain(struct certificate_trust *trust, void *curl, const char *host, bool stapled,
			const char *curl_text, struct error *err)
{
	struct certificate_chain chain = {.count = 0};
	struct certificate_case the_case = {.trust = trust, .host = host, .chain = &chain};
	long bits = 0;
	time_t until = 0;
	chain_of_refusal(curl, &chain);
	curl_easy_getinfo(curl, CURLINFO_SSL_VERIFYRESULT, &bits);
	const bool good = case_judge(&the_case, &until, err) == 0;
	chain_clear(&chain);
	if (!good)
		return -1;
	return explain_staple(host, stapled, (unsigned int)bits, curl_text, err);
}

/* GnuTLS ends the handshake before curl has seen the certificate, and curl tells its words alone. */
int certificate_explain_handshake(const char *host, const char *curl_text, struct error *err)
{
	if (strstr(curl_text, gnutls_strerror(GNUTLS_E_KEY_USAGE_VIOLATION)) == NULL)
		return 0;
	return error_set(err, ERROR_UNREACHABLE,
			 "the key of the certificate of %s is not for TLS servers (key usage): it "
			 "must be issued anew, for digital signatures",
			 host);
}
