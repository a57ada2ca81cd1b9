/* Looks into the revocation lists that the operator has given, for each certificate of a way that
 * GnuTLS has found good. A list counts only when the certificate's own issuer has signed it; of
 * several the newest counts, and one that is out of date is an error: it may lack what matters. */
#include "loader/certificate/certificate_internal.h"

#include <string.h>

/* What is common to the sentences: which list, of whom. */
struct revoked_list {
	gnutls_x509_crl_t crl;
	gnutls_x509_crt_t issuer;
};

/* The newest list of this issuer; NULL for none. */
static gnutls_x509_crl_t revoked_find(const struct certificate_trust *trust,
				      gnutls_x509_crt_t issuer)
{
	gnutls_x509_crl_t newest = NULL;
	for (unsigned int i = 0; i < trust->crl_count; i++) {
		if (gnutls_x509_crl_check_issuer(trust->crls[i], issuer) == 0)
			continue;
		if (newest == NULL || gnutls_x509_crl_get_this_update(trust->crls[i]) >
					  gnutls_x509_crl_get_this_update(newest))
			newest = trust->crls[i];
	}
	return newest;
}

static int revoked_check_list(const struct certificate_case *the_case,
			      const struct revoked_list *list, struct error *err)
{
	unsigned int status = 0;
	if (gnutls_x509_crl_verify(list->crl, &list->issuer, 1, certificate_flags(), &status) < 0)
		status |= GNUTLS_CERT_INVALID;
	if (status == 0)
		return 0;
	g_autofree char *name = certificate_subject(list->issuer);
	const char *option = the_case->trust->crl_option;
	if (status & GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE)
		return error_set(err, ERROR_UNREACHABLE,
				 "the certificate of %s cannot be checked: the revocation list of "
				 "'%s' is of a day to come: check the clock here",
				 the_case->host, name);
	if (status & GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED) {
		g_autofree char *day = certificate_day(gnutls_x509_crl_get_next_update(list->crl));
		return error_set(err, ERROR_UNREACHABLE,
				 "the certificate of %s cannot be checked: the revocation list of "
				 "'%s' is out of date since %s: fetch its new one for %s",
				 the_case->host, name, day, option);
	}
	return error_set(err, ERROR_UNREACHABLE,
			 "the certificate of %s cannot be checked: the revocation list in the name "
			 "of '%s' is not signed by that one: fetch it anew for %s",
			 the_case->host, name, option);
}

static int revoked_explain(const struct certificate_case *the_case, unsigned int at,
			   struct error *err)
{
	const gnutls_x509_crt_t certificate = the_case->path.items[at];
	g_autofree char *issuer = certificate_issuer(certificate);
	if (at == 0)
		return error_set(
		    err, ERROR_UNREACHABLE,
		    "the certificate of %s was revoked by '%s': it must be replaced there",
		    the_case->host, issuer);
	g_autofree char *name = certificate_subject(certificate);
	return error_set(
	    err, ERROR_UNREACHABLE,
	    "the certificate of %s comes from '%s', whose own certificate was revoked by "
	    "'%s': it must be replaced there",
	    the_case->host, name, issuer);
}

/* The authority at the end of the way is trusted by name, and nobody can revoke it. */
int certificate_check_revoked(const struct certificate_case *the_case, time_t *until,
			      struct error *err)
{
	const struct certificate_path *path = &the_case->path;
	for (unsigned int i = 0; i + 1 < path->count; i++) {
		const struct revoked_list list = {
		    .crl = revoked_find(the_case->trust, path->items[i + 1]),
		    .issuer = path->items[i + 1]};
		if (list.crl == NULL)
			continue;
		if (revoked_check_list(the_case, &list, err) != 0)
			return -1;
		if (gnutls_x509_crt_check_revocation(path->items[i], &list.crl, 1) != 0)
			return revoked_explain(the_case, i, err);
		const time_t next = gnutls_x509_crl_get_next_update(list.crl);
		if (next != (time_t)-1)
			*until = MIN(*until, next);
	}
	return 0;
}
