/*
 * certificate.h - whether a server is the one that its certificate says, judged the same for mail
 * servers and for targets of deliveries.
 *
 * curl verifies a certificate within the handshake, by rules that are older than those of today,
 * and has one sentence for most failures. So GnuTLS is asked once more, after the handshake and
 * before anything that is secret is sent: for the purpose of a server, for keys and digests of the
 * medium profile, for names as RFC 9525 has them, and for the revocation lists of the operator.
 * Nothing that curl refuses is accepted here; a refusal of curl gets its sentence here.
 *
 * Life:    certificate_trust_open() reads the operator's files; certificate_judge() for each
 *          connection, before the first secret; certificate_explain() where curl has refused; certificate_trust_close().
 * curl:    the connection is a handle of libcurl (CURL *), set up by certificate_prepare().
 * Errors:  CONFIGURATION for files that cannot be used; UNREACHABLE for a certificate that is not
 *          accepted, with the host and the way out.
 * Threads: one at a time.
 * Source:  RFC 5280, RFC 9525, RFC 7633 (must-staple).
 */
#ifndef LOADER_CERTIFICATE_CERTIFICATE_H
#define LOADER_CERTIFICATE_CERTIFICATE_H

#include "queue/base/error.h"
#include "queue/base/scoped.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct certificate_trust;

struct certificate_files {
	const char *ca_file;   /* authorities, and revocation lists (PEM); NULL: the system's */
	const char *crl_file;  /* more revocation lists (PEM, or a single one in DER); NULL: none */
	const char *ca_option; /* what errors call the first, "caFile" */
	const char *crl_option; /* and the other */
};

/* Reads the files. Errors: CONFIGURATION. */
int certificate_trust_open(const struct certificate_files *files,
			   struct certificate_trust **ret_trust, struct error *err);
void certificate_trust_close(struct certificate_trust *trust); /* takes NULL */
SCOPED_DEFINE(struct certificate_trust *, certificate_trust_close)

/* Reads a file of certificates, keys or lists whole, of at most 64 MiB; a NUL follows its bytes. `what` is
 * what errors call it. Caller frees. Errors: CONFIGURATION. */
int certificate_read_file(const char *what, const char *path, char **ret_bytes, size_t *ret_size,
			  struct error *err);

/* Calls `take` for each certificate in a file (PEM): since when it is good, and until when. Returns how
 * many there are; 0 also where the file cannot be read, because whoever needs it says so. */
unsigned int certificate_file_list(const char *path,
				   void (*take)(int64_t begins_s, int64_t ends_s, void *context),
				   void *context);

/* Sets curl up to verify with these files and to keep what the server shows. `stapled`: the server
 * must also bring a good answer about its revocation; curl does not connect without. The trust
 * outlives the connection. */
void certificate_prepare(const struct certificate_trust *trust, void *curl, bool stapled);

enum certificate_verdict {
	CERTIFICATE_GOOD,
	CERTIFICATE_REFUSED, /* and why, as an error */
	CERTIFICATE_STAPLE   /* good, but for `stapled`: to be tried again with it */
};

/* Judges the server at the other end of a connection that curl is at work on, from one of its
 * callbacks. `stapled` is what it was prepared with. */
enum certificate_verdict certificate_judge(struct certificate_trust *trust, void *curl,
					   const char *host, bool stapled, struct error *err);

/* Finds words for curl's refusal of a certificate (CURLE_PEER_FAILED_VERIFICATION or
 * CURLE_SSL_INVALIDCERTSTATUS); `curl_text` is its own, for what is not understood. Returns -1. */
int certificate_explain(struct certificate_trust *trust, void *curl, const char *host, bool stapled,
			const char *curl_text, struct error *err);

/* A handshake that failed (CURLE_SSL_CONNECT_ERROR): -1 with words where it did so because of the certificate, else 0. */
int certificate_explain_handshake(const char *host, const char *curl_text, struct error *err);

#endif
