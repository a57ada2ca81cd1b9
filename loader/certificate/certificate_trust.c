/* What an operator trusts: reads the files with authorities and revocation lists, looks into these lists,
 * and finds the way from a server's certificate to an authority. Curl would take a file that holds no
 * certificate, and then blame the server. */
#include "loader/certificate/certificate_internal.h"

#include "loader/imap/names/server_words.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Lists of revocations have some 10 MB. */
#define FILE_MAX_BYTES ((off_t)64 * 1024 * 1024)

/* A pipe keeps nobody waiting, and a device without an end fills no memory. */
int certificate_read_file(const char *what, const char *path, char **ret_bytes, size_t *ret_size,
			  struct error *err)
{
	scoped(descriptor_close) int file =
	    open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;
	if (file < 0 || fstat(file, &status) != 0)
		return error_set(err, ERROR_CONFIGURATION, "%s '%s' cannot be read: %s", what, path,
				 g_strerror(errno));
	if (!S_ISREG(status.st_mode) || status.st_size > FILE_MAX_BYTES)
		return error_set(err, ERROR_CONFIGURATION,
				 "%s '%s' cannot be read: it is no file of at most 64 MiB", what,
				 path);
	g_autofree char *bytes = g_malloc0((size_t)status.st_size + 1);
	size_t size = 0;
	ssize_t got = 1;
	while (got > 0 && size < (size_t)status.st_size) {
		got = read(file, bytes + size, (size_t)status.st_size - size);
		size += got > 0 ? (size_t)got : 0;
	}
	if (got < 0)
		return error_set(err, ERROR_CONFIGURATION, "%s '%s' cannot be read: %s", what, path,
				 g_strerror(errno));
	*ret_bytes = steal(&bytes);
	*ret_size = size;
	return 0;
}

/* Returns how many lists there are. */
static unsigned int trust_add_crls(struct certificate_trust *trust, const char *bytes, gsize size,
				   gnutls_x509_crt_fmt_t format)
{
	const gnutls_datum_t data = {(unsigned char *)bytes, (unsigned int)size};
	gnutls_x509_crl_t *crls = NULL;
	unsigned int count = 0;
	if (gnutls_x509_crl_list_import2(&crls, &count, &data, format, 0) < 0)
		return 0;
	trust->crls = g_renew(gnutls_x509_crl_t, trust->crls, trust->crl_count + count);
	for (unsigned int i = 0; i < count; i++)
		trust->crls[trust->crl_count++] = crls[i];
	gnutls_free(crls);
	return count;
}

static int trust_add_ca_file(struct certificate_trust *trust, struct error *err)
{
	g_autofree char *bytes = NULL;
	size_t size;
	if (certificate_read_file(trust->ca_option, trust->ca_file, &bytes, &size, err) != 0)
		return -1;
	const gnutls_datum_t data = {(unsigned char *)bytes, (unsigned int)size};
	if (gnutls_x509_trust_list_add_trust_mem(trust->authorities, &data, NULL,
						 GNUTLS_X509_FMT_PEM, 0, 0) <= 0)
		return error_set(err, ERROR_CONFIGURATION,
				 "%s '%s' holds no certificate that can be read (PEM)",
				 trust->ca_option, trust->ca_file);
	if (strstr(bytes, "-----BEGIN X509 CRL-----") != NULL &&
	    trust_add_crls(trust, bytes, size, GNUTLS_X509_FMT_PEM) == 0)
		return error_set(err, ERROR_CONFIGURATION,
				 "%s '%s' holds a revocation list that cannot be read",
				 trust->ca_option, trust->ca_file);
	return 0;
}

/* Authorities publish their lists in DER, one a file. */
static int trust_add_crl_file(struct certificate_trust *trust, struct error *err)
{
	g_autofree char *bytes = NULL;
	size_t size;
	if (certificate_read_file(trust->crl_option, trust->crl_file, &bytes, &size, err) != 0)
		return -1;
	if (trust_add_crls(trust, bytes, size, GNUTLS_X509_FMT_PEM) == 0 &&
	    trust_add_crls(trust, bytes, size, GNUTLS_X509_FMT_DER) == 0)
		return error_set(
		    err, ERROR_CONFIGURATION,
		    "%s '%s' holds no revocation list that can be read (PEM, or one in "
		    "DER)",
		    trust->crl_option, trust->crl_file);
	return 0;
}

int certificate_trust_open(const struct certificate_files *files,
			   struct certificate_trust **ret_trust, struct error *err)
{
	scoped(certificate_trust_close) struct certificate_trust *trust =
	    g_new0(struct certificate_trust, 1);
	trust->ca_file = g_strdup(files->ca_file);
	trust->crl_file = g_strdup(files->crl_file);
	trust->ca_option = files->ca_option;
	trust->crl_option = files->crl_option;
	if (gnutls_x509_trust_list_init(&trust->authorities, 0) < 0)
		abort();
	if (trust->ca_file != NULL && trust_add_ca_file(trust, err) != 0)
		return -1;
	if (trust->crl_file != NULL && trust_add_crl_file(trust, err) != 0)
		return -1;
	*ret_trust = steal(&trust);
	return 0;
}

/* They take 7 ms, which a connection in clear and a chain that is remembered spare. A system without
 * authorities refuses every certificate, and says so then. */
void certificate_trust_complete(struct certificate_trust *trust)
{
	if (trust->ca_file != NULL || trust->system_read)
		return;
	gnutls_x509_trust_list_add_system_trust(trust->authorities, 0, 0);
	trust->system_read = true;
}

unsigned int certificate_file_list(const char *path,
				   void (*take)(int64_t begins_s, int64_t ends_s, void *context),
				   void *context)
{
	g_autofree char *bytes = NULL;
	size_t size;
	struct error ignored;
	gnutls_x509_crt_t *items = NULL;
	unsigned int count = 0;
	if (certificate_read_file("", path, &bytes, &size, &ignored) != 0)
		return 0;
	const gnutls_datum_t data = {(unsigned char *)bytes, (unsigned int)size};
	if (gnutls_x509_crt_list_import2(&items, &count, &data, GNUTLS_X509_FMT_PEM, 0) < 0)
		return 0;
	for (unsigned int i = 0; i < count; i++) {
		take((int64_t)gnutls_x509_crt_get_activation_time(items[i]),
		     (int64_t)gnutls_x509_crt_get_expiration_time(items[i]), context);
		gnutls_x509_crt_deinit(items[i]);
	}
	gnutls_free(items);
	return count;
}

void certificate_trust_close(struct certificate_trust *trust)
{
	if (trust == NULL)
		return;
	gnutls_x509_trust_list_deinit(trust->authorities, 1);
	for (unsigned int i = 0; i < trust->crl_count; i++)
		gnutls_x509_crl_deinit(trust->crls[i]);
	g_free(trust->crls);
	g_clear_pointer(&trust->good_chain, g_bytes_unref);
	g_free(trust->good_host);
	g_free(trust->ca_file);
	g_free(trust->crl_file);
	g_free(trust);
}

/* --- revocation --------------------------------------------------------- */
/*
 * Looks into the revocation lists that the operator has given, for each certificate of a way that
 * GnuTLS has found good. A list counts only when the certificate's own issuer has signed it; of
 * several the newest counts, and one that is out of date is an error: it may lack what matters.
 */

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

/* --- the way to an authority -------------------------------------------- */
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

/* --- words ------------------------------------------------------------------ */

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
