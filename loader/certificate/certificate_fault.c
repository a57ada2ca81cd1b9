/* Finds the words for a certificate that GnuTLS refuses: which one of the way it is about, what is
 * wrong with it, and who can do something about it. GnuTLS itself has one bit for several causes. */
#include "loader/certificate/certificate_internal.h"

#include <stdlib.h>
#include <string.h>

/* After so many bytes no more purposes stand in an error. */
enum { PURPOSES_SHOWN_MAX = 200 };

/* The own certificate of the server, or that of an authority above it: "the certificate of HOST",
 * "the certificate of HOST comes from 'NAME', whose own certificate". Caller frees. */
static char *fault_whose(const struct certificate_case *the_case, unsigned int at)
{
	if (at == 0)
		return g_strdup_printf("the certificate of %s", the_case->host);
	g_autofree char *name = certificate_subject(the_case->path.items[at]);
	return g_strdup_printf("the certificate of %s comes from '%s', whose own certificate",
			       the_case->host, name);
}

/* Who has to renew what was found wrong. */
static const char *fault_remedy(unsigned int at)
{
	return at == 0 ? "it must be renewed there" : "the server must send one that is in force";
}

/* ---- time ---- */

/* From the server's own upwards: the first one that is out of its time is told. */
static int fault_time(const struct certificate_case *the_case, struct error *err)
{
	const time_t now = time(NULL);
	for (unsigned int i = 0; i < the_case->path.count; i++) {
		const time_t begin = gnutls_x509_crt_get_activation_time(the_case->path.items[i]);
		const time_t end = gnutls_x509_crt_get_expiration_time(the_case->path.items[i]);
		if (now >= begin && now <= end)
			continue;
		g_autofree char *whose = fault_whose(the_case, i);
		g_autofree char *day = certificate_day(now < begin ? begin : end);
		if (now < begin)
			return error_set(err, ERROR_UNREACHABLE,
					 "%s is not valid before %s: check the clock here and the "
					 "certificate there",
					 whose, day);
		if (i + 1 == the_case->path.count && the_case->path.trusted && i > 0)
			return error_set(err, ERROR_UNREACHABLE,
					 "%s expired on %s: %s must name its newer one", whose, day,
					 the_case->trust->ca_option);
		return error_set(err, ERROR_UNREACHABLE, "%s expired on %s: %s", whose, day,
				 fault_remedy(i));
	}
	return 0;
}

/* ---- who has signed ---- */

/* Two authorities of one name differ in their keys; which of the two is the right one nobody here
 * can say. */
static int fault_forged(const struct certificate_case *the_case, unsigned int at, struct error *err)
{
	g_autofree char *issuer = certificate_issuer(the_case->path.items[at]);
	g_autofree char *whose = fault_whose(the_case, at);
	return error_set(
	    err, ERROR_UNREACHABLE,
	    "%s names '%s' as its authority but is not signed with the key of that one: "
	    "it is forged, or that one's certificate, in %s or as the server sends it, is an older "
	    "one",
	    whose, issuer, the_case->trust->ca_option);
}

/* Byte by byte, as the names stand in the certificates. */
static bool fault_is_named(gnutls_x509_crt_t certificate, const gnutls_datum_t *name)
{
	gnutls_datum_t own = {NULL, 0};
	if (gnutls_x509_crt_get_raw_dn(certificate, &own) < 0)
		return false;
	const bool equal = own.size == name->size && memcmp(own.data, name->data, own.size) == 0;
	gnutls_free(own.data);
	return equal;
}

static bool fault_is_known(const struct certificate_case *the_case, const gnutls_datum_t *name)
{
	gnutls_x509_crt_t known = NULL;
	for (unsigned int i = 1; i < the_case->chain->count; i++) {
		if (fault_is_named(the_case->chain->items[i], name))
			return true;
	}
	if (gnutls_x509_trust_list_get_issuer_by_dn(the_case->trust->authorities, name, &known,
						    0) != 0)
		return false;
	gnutls_x509_crt_deinit(known);
	return true;
}

/* Is there, here or among what was sent, an authority of this name with another key? */
static bool fault_has_namesake(const struct certificate_case *the_case, gnutls_x509_crt_t last)
{
	gnutls_datum_t issuer = {NULL, 0};
	if (gnutls_x509_crt_get_raw_issuer_dn(last, &issuer) < 0)
		return false;
	const bool known = fault_is_known(the_case, &issuer);
	gnutls_free(issuer.data);
	return known;
}

/* The way ends before an authority of ours. */
static int fault_unknown(const struct certificate_case *the_case, struct error *err)
{
	const unsigned int at = the_case->path.count - 1;
	const gnutls_x509_crt_t last = the_case->path.items[at];
	const char *option = the_case->trust->ca_option;
	g_autofree char *issuer = certificate_issuer(last);
	const bool self_issued = certificate_is_self_issued(last);
	if (self_issued && at == 0)
		return error_set(
		    err, ERROR_UNREACHABLE,
		    "the certificate of %s is signed by itself, by no authority: if it "
		    "is the right one, a copy of it as %s makes it trusted",
		    the_case->host, option);
	if (!self_issued && fault_has_namesake(the_case, last))
		return fault_forged(the_case, at, err);
	if (!self_issued && at == 0)
		return error_set(
		    err, ERROR_UNREACHABLE,
		    "the certificate of %s comes from '%s', an authority that is not "
		    "known here, and the server sends no certificate in between: let it "
		    "send its intermediate certificates, or name the authority with %s",
		    the_case->host, issuer, option);
	return error_set(
	    err, ERROR_UNREACHABLE,
	    "the certificate of %s comes from an unknown authority, '%s': %s names the "
	    "one to trust",
	    the_case->host, issuer, option);
}

/* Looks at each step by itself for the one whose signature is wrong. */
static int fault_signature(const struct certificate_case *the_case, struct error *err)
{
	const struct certificate_path *path = &the_case->path;
	for (unsigned int i = 0; i + 1 < path->count; i++) {
		unsigned int status = 0;
		gnutls_x509_crt_verify(path->items[i], &path->items[i + 1], 1, certificate_flags(),
				       &status);
		if (status & GNUTLS_CERT_SIGNATURE_FAILURE)
			return fault_forged(the_case, i, err);
	}
	return 0;
}

/* ---- strength ---- */

/* Nobody relies on the signature of an authority that is trusted by name. */
static int fault_weak_signature(const struct certificate_case *the_case, unsigned int at,
				struct error *err)
{
	const int algorithm = gnutls_x509_crt_get_signature_algorithm(the_case->path.items[at]);
	const bool is_authority = the_case->path.trusted && at + 1 == the_case->path.count;
	if (is_authority || algorithm < 0 ||
	    gnutls_sign_is_secure2((gnutls_sign_algorithm_t)algorithm,
				   GNUTLS_SIGN_FLAG_SECURE_FOR_CERTS) != 0)
		return 0;
	g_autofree char *whose = fault_whose(the_case, at);
	return error_set(err, ERROR_UNREACHABLE,
			 "%s is signed with %s, which can be forged: it must be issued anew, with "
			 "SHA-256 or better",
			 whose, gnutls_sign_get_name((gnutls_sign_algorithm_t)algorithm));
}

/* GNUTLS_SEC_PARAM_MEDIUM is RSA with 2,048 bits, and what is as strong. */
static int fault_weak(const struct certificate_case *the_case, struct error *err)
{
	for (unsigned int i = 0; i < the_case->path.count; i++) {
		unsigned int bits = 0;
		const int algorithm =
		    gnutls_x509_crt_get_pk_algorithm(the_case->path.items[i], &bits);
		if (fault_weak_signature(the_case, i, err) != 0)
			return -1;
		if (algorithm < 0 || gnutls_pk_bits_to_sec_param((gnutls_pk_algorithm_t)algorithm,
								 bits) >= GNUTLS_SEC_PARAM_MEDIUM)
			continue;
		g_autofree char *whose = fault_whose(the_case, i);
		return error_set(
		    err, ERROR_UNREACHABLE,
		    "%s has a weak key (%s, %u bits): it must be issued anew, with RSA "
		    "of 2,048 bits or an elliptic curve of 256",
		    whose, gnutls_pk_get_name((gnutls_pk_algorithm_t)algorithm), bits);
	}
	return 0;
}

/* ---- what a certificate may be used for ---- */

/* The purposes by the names that people know. Caller frees. */
static char *fault_purposes(gnutls_x509_crt_t certificate)
{
	static const struct {
		const char *oid;
		const char *name;
	} known[] = {
	    {GNUTLS_KP_TLS_WWW_SERVER, "TLS servers"},	  {GNUTLS_KP_TLS_WWW_CLIENT, "TLS clients"},
	    {GNUTLS_KP_CODE_SIGNING, "signing programs"}, {GNUTLS_KP_EMAIL_PROTECTION, "mail"},
	    {GNUTLS_KP_TIME_STAMPING, "time stamps"},	  {GNUTLS_KP_OCSP_SIGNING, "OCSP"},
	};
	g_autoptr(GString) names = g_string_new(NULL);
	char oid[128];
	size_t size = sizeof oid;
	for (unsigned int i = 0;
	     names->len < PURPOSES_SHOWN_MAX &&
	     gnutls_x509_crt_get_key_purpose_oid(certificate, i, oid, &size, NULL) == 0;
	     i++, size = sizeof oid) {
		const char *name = oid;
		for (size_t j = 0; j < G_N_ELEMENTS(known); j++)
			name = strcmp(oid, known[j].oid) == 0 ? known[j].name : name;
		g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", name);
	}
	return g_string_free(g_steal_pointer(&names), FALSE);
}

/* As GnuTLS judges: "any purpose" counts in the server's own certificate and in none above it. */
static bool fault_is_for_servers(gnutls_x509_crt_t certificate, unsigned int at)
{
	return gnutls_x509_crt_check_key_purpose(certificate, GNUTLS_KP_TLS_WWW_SERVER,
						 at > 0 ? GNUTLS_KP_FLAG_DISALLOW_ANY : 0) != 0;
}

static int fault_purpose(const struct certificate_case *the_case, struct error *err)
{
	for (unsigned int i = 0; i < the_case->path.count; i++) {
		if (fault_is_for_servers(the_case->path.items[i], i))
			continue;
		g_autofree char *whose = fault_whose(the_case, i);
		g_autofree char *purposes = fault_purposes(the_case->path.items[i]);
		return error_set(
		    err, ERROR_UNREACHABLE,
		    "%s is not for TLS servers but for another purpose (%s): it must be "
		    "issued anew for servers",
		    whose, purposes);
	}
	return 0;
}

/* RFC 5280, 4.2.1.3: without a key usage a key may be used for anything. */
static bool fault_may_sign(gnutls_x509_crt_t certificate)
{
	unsigned int usage = 0;
	const int found = gnutls_x509_crt_get_key_usage(certificate, &usage, NULL);
	return gnutls_x509_crt_get_ca_status(certificate, NULL) > 0 &&
	       (found < 0 || (usage & GNUTLS_KEY_KEY_CERT_SIGN) != 0);
}

static int fault_no_authority(const struct certificate_case *the_case, struct error *err)
{
	for (unsigned int i = 1; i < the_case->path.count; i++) {
		if (fault_may_sign(the_case->path.items[i]))
			continue;
		g_autofree char *name = certificate_subject(the_case->path.items[i]);
		return error_set(err, ERROR_UNREACHABLE,
				 "the certificate of %s comes from '%s', which is no authority: it "
				 "may be forged, and must be issued anew by one",
				 the_case->host, name);
	}
	return 0;
}

/* ---- what an authority may issue ---- */

/* RFC 5280, 4.2.1.10. Constraints on other kinds of names say nothing about a server. */
static bool fault_allows_names(gnutls_x509_crt_t authority, gnutls_x509_crt_t certificate)
{
	static const gnutls_x509_subject_alt_name_t types[] = {
	    GNUTLS_SAN_DNSNAME, GNUTLS_SAN_IPADDRESS, GNUTLS_SAN_RFC822NAME, GNUTLS_SAN_DN};
	gnutls_x509_name_constraints_t names = NULL;
	bool allowed = true;
	if (gnutls_x509_name_constraints_init(&names) < 0)
		abort();
	if (gnutls_x509_crt_get_name_constraints(authority, names, 0, NULL) == 0) {
		for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
			allowed = allowed && gnutls_x509_name_constraints_check_crt(
						 names, types[i], certificate) != 0;
	}
	gnutls_x509_name_constraints_deinit(names);
	return allowed;
}

static int fault_names(const struct certificate_case *the_case, struct error *err)
{
	const struct certificate_path *path = &the_case->path;
	for (unsigned int i = 1; i < path->count; i++) {
		if (fault_allows_names(path->items[i], path->items[0]))
			continue;
		g_autofree char *name = certificate_subject(path->items[i]);
		return error_set(err, ERROR_UNREACHABLE,
				 "the certificate of %s comes from '%s', which may not issue "
				 "certificates for its names (name constraints): it must be issued "
				 "anew by an authority that may",
				 the_case->host, name);
	}
	return 0;
}

/* RFC 5280, 4.2.1.9: so many authorities may stand between this one and the server's own
 * certificate. */
static int fault_length(const struct certificate_case *the_case, struct error *err)
{
	const struct certificate_path *path = &the_case->path;
	for (unsigned int i = 1; i < path->count; i++) {
		int most = -1;
		if (gnutls_x509_crt_get_basic_constraints(path->items[i], NULL, NULL, &most) < 0 ||
		    most < 0 || (int)i - 1 <= most)
			continue;
		g_autofree char *name = certificate_subject(path->items[i]);
		return error_set(
		    err, ERROR_UNREACHABLE,
		    "the certificate of %s comes from an authority that '%s' may not let "
		    "issue any (its path length is %d): it must be issued anew by one "
		    "that may",
		    the_case->host, name, most);
	}
	return 0;
}

/* RFC 5280, 4.2: the extensions of that document are those that GnuTLS looks at. */
static bool fault_knows(const char *oid)
{
	return g_str_has_prefix(oid, "2.5.29.") || g_str_has_prefix(oid, "1.3.6.1.5.5.7.1.");
}

static int fault_extension(const struct certificate_case *the_case, struct error *err)
{
	for (unsigned int i = 0; i < the_case->path.count; i++) {
		char oid[128];
		size_t size = sizeof oid;
		unsigned int critical = 0;
		for (unsigned int j = 0;
		     gnutls_x509_crt_get_extension_info(the_case->path.items[i], j, oid, &size,
							&critical) == 0;
		     j++, size = sizeof oid) {
			if (critical == 0 || fault_knows(oid))
				continue;
			g_autofree char *whose = fault_whose(the_case, i);
			return error_set(err, ERROR_UNREACHABLE,
					 "%s demands what is not known here (critical extension "
					 "%s): it must be issued anew without",
					 whose, oid);
		}
	}
	return 0;
}

/* What nobody has met yet, in GnuTLS's words. */
static int fault_other(const struct certificate_case *the_case, unsigned int status,
		       struct error *err)
{
	gnutls_datum_t words = {NULL, 0};
	if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &words, 0) < 0)
		return error_set(err, ERROR_UNREACHABLE, "the certificate of %s is not trusted",
				 the_case->host);
	g_strchomp((char *)words.data);
	error_set(err, ERROR_UNREACHABLE, "the certificate of %s is not trusted: %s",
		  the_case->host, (const char *)words.data);
	gnutls_free(words.data);
	return -1;
}

/* Causes that an operator sees first come first. A bit may have several causes; one that none of
 * them explains is left to the last. */
int certificate_explain_status(const struct certificate_case *the_case, unsigned int status,
			       struct error *err)
{
	static const struct {
		unsigned int bits;
		int (*explain)(const struct certificate_case *the_case, struct error *err);
	} causes[] = {
	    {GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED, fault_time},
	    {GNUTLS_CERT_SIGNATURE_FAILURE, fault_signature},
	    {GNUTLS_CERT_INSECURE_ALGORITHM, fault_weak},
	    {GNUTLS_CERT_PURPOSE_MISMATCH, fault_purpose},
	    {GNUTLS_CERT_SIGNER_NOT_CA | GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE,
	     fault_no_authority},
	    {GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, fault_names},
	    {GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, fault_length},
	    {GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS, fault_extension},
	};
	if (!the_case->path.trusted)
		return fault_time(the_case, err) != 0 ? -1 : fault_unknown(the_case, err);
	for (size_t i = 0; i < G_N_ELEMENTS(causes); i++) {
		if ((status & causes[i].bits) != 0 && causes[i].explain(the_case, err) != 0)
			return -1;
	}
	return fault_other(the_case, status, err);
}
