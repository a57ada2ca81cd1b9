/*
 * The client's side of SCRAM (RFC 5802, RFC 7677), message by message, without a connection. It
 * checks the server's proof as well: libetpan's SASL signs in to a server that does not know the
 * password.
 */
#include "loader/imap/session/scram.h"

#include "queue/base/scoped.h"

#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <nettle/nettle-meta.h>
#include <nettle/pbkdf2.h>
#include <string.h>

/* RFC 7677, 4, asks for at least 4,096; more than a million would keep this machine busy for
 * seconds. */
#define ITERATIONS_MIN 4096
#define ITERATIONS_MAX 1000000

struct mechanism {
	const char *name;
	const struct nettle_hash *hash;
	const struct nettle_mac *mac;
	void (*derive)(size_t key_size, const uint8_t *key, unsigned iterations, size_t salt_size,
		       const uint8_t *salt, size_t size, uint8_t *ret_key);
};

static const struct mechanism mechanisms[] = {
    {"SCRAM-SHA-1", &nettle_sha1, &nettle_hmac_sha1, pbkdf2_hmac_sha1},
    {"SCRAM-SHA-256", &nettle_sha256, &nettle_hmac_sha256, pbkdf2_hmac_sha256},
};

struct scram {
	const struct mechanism *mechanism;
	char *header; /* gs2-header */
	char *user;
	char *password;
	char *nonce;
	uint8_t server_signature[SHA256_DIGEST_SIZE];
};

static void make_digest(const struct mechanism *mechanism, const uint8_t *bytes,
			uint8_t *ret_digest)
{
	union {
		struct sha1_ctx sha1;
		struct sha256_ctx sha256;
	} context;

	mechanism->hash->init(&context);
	mechanism->hash->update(&context, mechanism->hash->digest_size, bytes);
	mechanism->hash->digest(&context, mechanism->hash->digest_size, ret_digest);
}

static void make_mac(const struct mechanism *mechanism, const uint8_t *key, const char *text,
		     uint8_t *ret_mac)
{
	union {
		struct hmac_sha1_ctx sha1;
		struct hmac_sha256_ctx sha256;
	} context;

	mechanism->mac->set_key(&context, key);
	mechanism->mac->update(&context, strlen(text), (const uint8_t *)text);
	mechanism->mac->digest(&context, mechanism->mac->digest_size, ret_mac);
	/* It was made with the key, which is as good as the password. */
	explicit_bzero(&context, sizeof context);
}

static const struct mechanism *find_mechanism(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(mechanisms); i++) {
		if (!strcmp(name, mechanisms[i].name))
			return &mechanisms[i];
	}
	return NULL;
}

bool scram_knows(const char *mechanism)
{
	return find_mechanism(mechanism) != NULL;
}

/* A saslname. '=' first: the next line puts new ones in. */
static char *escape_name(const char *name)
{
	GString *escaped = g_string_new(name);

	g_string_replace(escaped, "=", "=3D", 0);
	g_string_replace(escaped, ",", "=2C", 0);
	return g_string_free(escaped, FALSE);
}

struct scram *scram_new(const char *mechanism, const char *authorize, const char *user,
			const char *password, const char *nonce)
{
	struct scram *scram = g_new0(struct scram, 1);
	g_autofree char *other = authorize ? escape_name(authorize) : NULL;

	scram->mechanism = find_mechanism(mechanism);
	g_assert(scram->mechanism);
	scram->header = g_strconcat("n,", other ? "a=" : "", other ? other : "", ",", NULL);
	scram->user = escape_name(user);
	scram->password = g_strdup(password);
	scram->nonce = g_strdup(nonce);
	return scram;
}

void scram_free(struct scram *scram)
{
	if (!scram)
		return;
	explicit_bzero(scram->password, strlen(scram->password));
	g_free(scram->header);
	g_free(scram->user);
	g_free(scram->password);
	g_free(scram->nonce);
	g_free(scram);
}

/* RFC 5802, section 7: client-first-message-bare. */
static char *format_first_bare(const struct scram *scram)
{
	return g_strdup_printf("n=%s,r=%s", scram->user, scram->nonce);
}

char *scram_first(const struct scram *scram)
{
	g_autofree char *bare = format_first_bare(scram);

	return g_strconcat(scram->header, bare, NULL);
}

/* --- the answer -------------------------------------------------------- */

struct server_first {
	char *nonce; /* borrowed from `parts` */
	guchar *salt;
	gsize salt_size;
	unsigned iterations;
	char **parts;
};

static void server_first_clear(struct server_first *first)
{
	g_free(first->salt);
	g_strfreev(first->parts);
}

SCOPED_DEFINE(struct server_first *, server_first_clear)

static int parse_iterations(const char *text, unsigned *ret_iterations, struct error *err)
{
	guint64 iterations = 0;

	if (!g_ascii_string_to_unsigned(text, 10, ITERATIONS_MIN, ITERATIONS_MAX, &iterations,
					NULL))
		return error_set(err, ERROR_CREDENTIALS,
				 "the server's SCRAM must ask for %d to %d iterations",
				 ITERATIONS_MIN, ITERATIONS_MAX);
	*ret_iterations = (unsigned)iterations;
	return 0;
}

/* Attributes after the third are extensions, which a client may ignore (RFC 5802, 5.1). */
static int parse_server_first(const struct scram *scram, const char *text,
			      struct server_first *first, struct error *err)
{
	first->parts = g_strsplit(text, ",", 4);
	if (g_strv_length(first->parts) < 3 || !g_str_has_prefix(first->parts[0], "r=") ||
	    !g_str_has_prefix(first->parts[1], "s=") || !g_str_has_prefix(first->parts[2], "i="))
		return error_set(err, ERROR_CREDENTIALS,
				 "the server's SCRAM challenge makes no sense");
	first->nonce = first->parts[0] + 2;
	first->salt = g_base64_decode(first->parts[1] + 2, &first->salt_size);
	if (first->salt_size == 0)
		return error_set(err, ERROR_CREDENTIALS, "the server's SCRAM has no salt");
	/* The server's nonce must begin with ours: otherwise the answer may be a recorded one. */
	if (!g_str_has_prefix(first->nonce, scram->nonce) ||
	    strlen(first->nonce) == strlen(scram->nonce))
		return error_set(err, ERROR_CREDENTIALS,
				 "the server's SCRAM challenge does not answer what was sent");
	return parse_iterations(first->parts[2] + 2, &first->iterations, err);
}

/* RFC 5802, 3: writes ClientProof, and keeps ServerSignature. */
static void sign(struct scram *scram, const struct server_first *first, const char *message,
		 uint8_t *ret_proof)
{
	const struct mechanism *mechanism = scram->mechanism;
	uint8_t salted[SHA256_DIGEST_SIZE];
	uint8_t key[SHA256_DIGEST_SIZE];
	uint8_t stored[SHA256_DIGEST_SIZE];

	size_t size = mechanism->hash->digest_size;

	mechanism->derive(strlen(scram->password), (const uint8_t *)scram->password,
			  first->iterations, first->salt_size, first->salt, size, salted);
	make_mac(mechanism, salted, "Client Key", key);
	make_digest(mechanism, key, stored);
	make_mac(mechanism, stored, message, ret_proof);
	memxor(ret_proof, key, size);
	make_mac(mechanism, salted, "Server Key", key);
	make_mac(mechanism, key, message, scram->server_signature);
	explicit_bzero(salted, sizeof salted);
	explicit_bzero(key, sizeof key);
}

int scram_answer(struct scram *scram, const char *server_first, char **ret_final, struct error *err)
{
	struct server_first first = {0};
	scoped(server_first_clear) struct server_first *release = &first;
	uint8_t proof[SHA256_DIGEST_SIZE];

	if (parse_server_first(scram, server_first, release, err) < 0)
		return -1;

	g_autofree char *bare = format_first_bare(scram);
	g_autofree char *header =
	    g_base64_encode((const guchar *)scram->header, strlen(scram->header));
	g_autofree char *without_proof = g_strdup_printf("c=%s,r=%s", header, first.nonce);
	g_autofree char *message = g_strjoin(",", bare, server_first, without_proof, NULL);

	sign(scram, &first, message, proof);

	g_autofree char *proof_base64 = g_base64_encode(proof, scram->mechanism->hash->digest_size);

	*ret_final = g_strdup_printf("%s,p=%s", without_proof, proof_base64);
	return 0;
}

int scram_check(const struct scram *scram, const char *server_final, struct error *err)
{
	g_auto(GStrv) parts = g_strsplit(server_final, ",", 2);
	gsize size = 0;

	if (parts[0] && g_str_has_prefix(parts[0], "v=")) {
		g_autofree guchar *signature = g_base64_decode(parts[0] + 2, &size);

		if (size == scram->mechanism->hash->digest_size &&
		    memeql_sec(signature, scram->server_signature, size))
			return 0;
	}
	return error_set(
	    err, ERROR_CREDENTIALS,
	    "the server does not prove that it knows the password as well; it may not be "
	    "the server it should be");
}
