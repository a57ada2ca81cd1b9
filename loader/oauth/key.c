/* Private keys and certificates, by GnuTLS: signs in the ways that JSON web tokens know (RFC 7518, 3.3
 * and 3.5), and names a certificate by its digests. */
#include "loader/oauth/oauth_internal.h"

#include "loader/certificate/certificate.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

/* RFC 7515, 2: base64 in the letters of URLs, without padding. */
char *base64_url(const void *bytes, size_t size)
{
	char *text = g_base64_encode(bytes, size);
	g_strdelimit(text, "+", '-');
	g_strdelimit(text, "/", '_');
	text[strcspn(text, "=")] = '\0';
	return text;
}

/* GnuTLS wipes a key when it is released. */
static void key_close(gnutls_privkey_t key)
{
	if (key != NULL)
		gnutls_privkey_deinit(key);
}
SCOPED_DEFINE(gnutls_privkey_t, key_close)

static int key_open(const struct secret *pem, gnutls_privkey_t *ret_key, struct error *err)
{
	scoped(key_close) gnutls_privkey_t key = NULL;
	const char *text = secret_text(pem);
	const gnutls_datum_t bytes = {(unsigned char *)text, (unsigned int)strlen(text)};
	if (gnutls_privkey_init(&key) < 0)
		abort();
	const int result =
	    gnutls_privkey_import_x509_raw(key, &bytes, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (result == GNUTLS_E_DECRYPTION_FAILED)
		return error_set(
		    err, ERROR_CONFIGURATION,
		    "the private key has a passphrase: keep it without one, in a file of "
		    "mode 0600 or a systemd credential (openssl rsa -in KEY -out FILE)");
	if (result < 0)
		return error_set(err, ERROR_CONFIGURATION, "the private key cannot be read: %s",
				 gnutls_strerror(result));
	/* Entra and Google take signatures by RSA only. */
	if (gnutls_privkey_get_pk_algorithm(key, NULL) != GNUTLS_PK_RSA)
		return error_set(err, ERROR_CONFIGURATION,
				 "the private key is no RSA key, which this sign-in needs");
	*ret_key = steal(&key);
	return 0;
}

int key_sign(const struct secret *pem, const char *algorithm, const char *text, char **ret_token,
	     struct error *err)
{
	scoped(key_close) gnutls_privkey_t key = NULL;
	const gnutls_datum_t bytes = {(unsigned char *)text, (unsigned int)strlen(text)};
	const gnutls_sign_algorithm_t sign = strcmp(algorithm, "PS256") == 0
						 ? GNUTLS_SIGN_RSA_PSS_RSAE_SHA256
						 : GNUTLS_SIGN_RSA_SHA256;
	gnutls_datum_t signature = {NULL, 0};
	if (key_open(pem, &key, err) != 0)
		return -1;
	const int result = gnutls_privkey_sign_data2(key, sign, 0, &bytes, &signature);
	if (result < 0)
		return error_set(err, ERROR_CONFIGURATION, "the private key cannot sign: %s",
				 gnutls_strerror(result));
	g_autofree char *encoded = base64_url(signature.data, signature.size);
	gnutls_free(signature.data);
	*ret_token = g_strconcat(text, ".", encoded, NULL);
	return 0;
}

/* ---- certificates ---- */

static void crt_close(gnutls_x509_crt_t certificate)
{
	if (certificate != NULL)
		gnutls_x509_crt_deinit(certificate);
}
SCOPED_DEFINE(gnutls_x509_crt_t, crt_close)

static char *crt_digest(gnutls_x509_crt_t certificate, gnutls_digest_algorithm_t digest)
{
	unsigned char bytes[64];
	size_t size = sizeof bytes;
	if (gnutls_x509_crt_get_fingerprint(certificate, digest, bytes, &size) < 0)
		abort();
	return base64_url(bytes, size);
}

/* The digests of both public keys are equal. */
static bool crt_has_key(gnutls_x509_crt_t certificate, gnutls_privkey_t key)
{
	unsigned char own[64];
	unsigned char other[64];
	size_t own_size = sizeof own;
	size_t other_size = sizeof other;
	gnutls_pubkey_t public_key = NULL;
	if (gnutls_pubkey_init(&public_key) < 0)
		abort();
	const bool both =
	    gnutls_pubkey_import_privkey(public_key, key, 0, 0) == 0 &&
	    gnutls_pubkey_get_key_id(public_key, GNUTLS_KEYID_USE_SHA256, own, &own_size) == 0 &&
	    gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA256, other, &other_size) ==
		0;
	gnutls_pubkey_deinit(public_key);
	return both && own_size == other_size && memcmp(own, other, own_size) == 0;
}

void key_certificate_clear(struct key_certificate *certificate)
{
	g_free(certificate->sha1);
	g_free(certificate->sha256);
}

int key_certificate_read(const char *path, const struct secret *pem,
			 struct key_certificate *ret_certificate, struct error *err)
{
	g_autofree char *text = NULL;
	size_t size;
	scoped(crt_close) gnutls_x509_crt_t certificate = NULL;
	scoped(key_close) gnutls_privkey_t key = NULL;
	if (certificate_read_file("certificate", path, &text, &size, err) != 0)
		return -1;
	const gnutls_datum_t bytes = {(unsigned char *)text, (unsigned int)size};
	if (gnutls_x509_crt_init(&certificate) < 0)
		abort();
	const int result = gnutls_x509_crt_import(certificate, &bytes, GNUTLS_X509_FMT_PEM);
	/* The file may hold the key as well. */
	explicit_bzero(text, size);
	if (result < 0)
		return error_set(err, ERROR_CONFIGURATION,
				 "certificate '%s' cannot be read: %s (it must be PEM)", path,
				 gnutls_strerror(result));
	if (pem != NULL && key_open(pem, &key, err) != 0)
		return -1;
	if (pem != NULL && !crt_has_key(certificate, key))
		return error_set(err, ERROR_CONFIGURATION,
				 "the private key is not that of certificate '%s'", path);
	*ret_certificate = (struct key_certificate){
	    .sha1 = crt_digest(certificate, GNUTLS_DIG_SHA1),
	    .sha256 = crt_digest(certificate, GNUTLS_DIG_SHA256),
	    .ends_ms = (int64_t)gnutls_x509_crt_get_expiration_time(certificate) * 1000};
	return 0;
}
