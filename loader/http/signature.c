#include "loader/http/signature.h"

#include <glib.h>
#include <inttypes.h>
#include <nettle/hmac.h>
#include <string.h>

#define KEY_PREFIX "whsec_"
#define PIECE	   ((size_t)16 * 1024)

static int signature_set_key(const char *key, struct hmac_sha256_ctx *hmac, struct error *err)
{
	if (!g_str_has_prefix(key, KEY_PREFIX)) {
		hmac_sha256_set_key(hmac, strlen(key), (const uint8_t *)key);
		return 0;
	}
	const char *text = key + strlen(KEY_PREFIX);
	gsize size;
	g_autofree guchar *bytes = g_base64_decode(text, &size);
	if (size == 0 || strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789+/=") != strlen(text))
		return error_set(err, ERROR_CONFIGURATION,
				 "it begins with " KEY_PREFIX ", but what follows is not base64");
	hmac_sha256_set_key(hmac, size, bytes);
	explicit_bzero(bytes, size);
	return 0;
}

int signature_check_key(const char *key, struct error *err)
{
	struct hmac_sha256_ctx hmac;
	if (signature_set_key(key, &hmac, err) != 0)
		return -1;
	explicit_bzero(&hmac, sizeof hmac);
	return 0;
}

int signature_make(const struct signature_input *input, struct body *body,
		   char ret_signature[static SIGNATURE_SIZE], struct error *err)
{
	struct hmac_sha256_ctx hmac;
	if (signature_set_key(input->key, &hmac, err) != 0)
		return -1;
	g_autofree char *start = g_strdup_printf("%s.%" PRId64 ".", input->id, input->time_s);
	hmac_sha256_update(&hmac, strlen(start), (const uint8_t *)start);
	uint8_t bytes[PIECE];
	size_t size = 1;
	body_rewind(body);
	while (size > 0) {
		if (body_read(body, bytes, sizeof bytes, &size, err) != 0)
			return -1;
		hmac_sha256_update(&hmac, size, bytes);
	}
	body_rewind(body);
	uint8_t digest[SHA256_DIGEST_SIZE];
	hmac_sha256_digest(&hmac, sizeof digest, digest);
	explicit_bzero(&hmac, sizeof hmac);
	g_autofree char *base64 = g_base64_encode(digest, sizeof digest);
	g_snprintf(ret_signature, SIGNATURE_SIZE, "v1,%s", base64);
	return 0;
}
