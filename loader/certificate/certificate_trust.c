/* Reads the files of an operator: authorities and revocation lists. Curl would take a file that
 * holds none, and then blame the server. */
#include "loader/certificate/certificate_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Caller frees. */
static int trust_read(const char *option, const char *path, char **ret_bytes, gsize *ret_size,
		      struct error *err)
{
	g_autoptr(GError) problem = NULL;
	if (access(path, R_OK) != 0)
		return error_set(err, ERROR_CONFIGURATION, "%s '%s' cannot be read: %s", option,
				 path, g_strerror(errno));
	if (!g_file_get_contents(path, ret_bytes, ret_size, &problem))
		return error_set(err, ERROR_CONFIGURATION, "%s '%s' cannot be read: %s", option,
				 path, problem->message);
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
	gsize size;
	if (trust_read(trust->ca_option, trust->ca_file, &bytes, &size, err) != 0)
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
	gsize size;
	if (trust_read(trust->crl_option, trust->crl_file, &bytes, &size, err) != 0)
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
