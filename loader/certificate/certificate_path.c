/* Finds the way from a server's certificate to an authority, and names the certificates on it. */
#include "loader/certificate/certificate_internal.h"

#include "loader/imap/names/server_words.h"

#include <string.h>

bool certificate_is_self_issued(gnutls_x509_crt_t certificate)
{
	return gnutls_x509_crt_check_issuer(certificate, certificate) != 0;
}

static bool path_holds(const struct certificate_path *path, gnutls_x509_crt_t certificate)
{
	for (unsigned int i = 0; i < path->count; i++) {
		if (gnutls_x509_crt_equals(path->items[i], certificate) != 0)
			return true;
	}
	return false;
}

/* The next one upwards that the server has sent; NULL for none. */
static gnutls_x509_crt_t path_next_sent(const struct certificate_case *the_case,
					gnutls_x509_crt_t last)
{
	const struct certificate_chain *chain = the_case->chain;
	for (unsigned int i = 1; i < chain->count; i++) {
		if (gnutls_x509_crt_check_issuer(last, chain->items[i]) != 0 &&
		    !path_holds(&the_case->path, chain->items[i]))
			return chain->items[i];
	}
	return NULL;
}

/* An authority that is its own issuer is found as well where the server's own certificate is one
 * of the trusted. */
void certificate_path_find(struct certificate_case *the_case)
{
	struct certificate_path *path = &the_case->path;
	gnutls_x509_crt_t next = the_case->chain->items[0];
	while (next != NULL && path->count < CERTIFICATE_CHAIN_MAX) {
		gnutls_x509_crt_t authority = NULL;
		path->items[path->count++] = next;
		if (gnutls_x509_trust_list_get_issuer(the_case->trust->authorities, next,
						      &authority, 0) == 0) {
			path->trusted = true;
			if (!path_holds(path, authority))
				path->items[path->count++] = authority;
			return;
		}
		next = path_next_sent(the_case, next);
	}
}

/* ---- words ---- */

typedef int (*path_name_part)(gnutls_x509_crt_t, const char *, unsigned int, unsigned int, void *,
			      size_t *);
typedef int (*path_name_whole)(gnutls_x509_crt_t, gnutls_datum_t *, unsigned int);

/* Names come from strangers, so they are cleaned as a server's words are. */
static char *path_name(gnutls_x509_crt_t certificate, path_name_part part, path_name_whole whole)
{
	char common[256];
	size_t size = sizeof common;
	gnutls_datum_t name = {NULL, 0};
	if (part(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, common, &size) == 0)
		return server_words(common, size);
	if (whole(certificate, &name, 0) < 0 || name.size == 0)
		return g_strdup("nobody");
	char *text = server_words((const char *)name.data, name.size);
	gnutls_free(name.data);
	return text;
}

char *certificate_subject(gnutls_x509_crt_t certificate)
{
	return path_name(certificate, gnutls_x509_crt_get_dn_by_oid, gnutls_x509_crt_get_dn3);
}

char *certificate_issuer(gnutls_x509_crt_t certificate)
{
	return path_name(certificate, gnutls_x509_crt_get_issuer_dn_by_oid,
			 gnutls_x509_crt_get_issuer_dn3);
}

char *certificate_day(time_t time)
{
	g_autoptr(GDateTime) day = g_date_time_new_from_unix_utc((gint64)time);
	return day != NULL ? g_date_time_format(day, "%Y-%m-%d") : g_strdup("a day unknown");
}
