/*
 * certificate_internal.h - what the parts of the judge share.
 *
 * Parts:  certificate.c talks with curl, certificate_trust.c reads the files, looks into revocation
 *         lists and finds the way from the server's certificate to an authority,
 *         certificate_fault.c finds the words for a way that GnuTLS refuses, certificate_name.c
 *         compares names.
 * Errors: all are UNREACHABLE; a function that checks returns 0, or -1 and the sentence.
 */
#ifndef LOADER_CERTIFICATE_CERTIFICATE_INTERNAL_H
#define LOADER_CERTIFICATE_CERTIFICATE_INTERNAL_H

#include "loader/certificate/certificate.h"

#include <glib.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <time.h>

/* GnuTLS verifies no longer chain. */
enum { CERTIFICATE_CHAIN_MAX = 16 };

struct certificate_trust {
	char *ca_file;
	char *crl_file;
	const char *ca_option;
	const char *crl_option;
	gnutls_x509_trust_list_t authorities;
	bool system_read; /* the system's are among them, where they count */
	gnutls_x509_crl_t *crls;
	unsigned int crl_count;
	/* The last chain that was found good for a host, and until when that holds: a client makes many
	 * connections to one server. */
	GBytes *good_chain;
	char *good_host;
	time_t good_until;
};

/* What a server shows, its own certificate first. */
struct certificate_chain {
	gnutls_x509_crt_t items[CERTIFICATE_CHAIN_MAX];
	unsigned int count;
};

/* The way from the server's certificate (items[0]) upwards; borrowed from the chain and the trust. */
struct certificate_path {
	gnutls_x509_crt_t items[CERTIFICATE_CHAIN_MAX + 1];
	unsigned int count;
	bool trusted; /* it ends at an authority of ours */
};

struct certificate_case {
	struct certificate_trust *trust;
	const char *host;
	const struct certificate_chain *chain;
	struct certificate_path path;
};

/* Reads the system's authorities where they count and have not been read. */
void certificate_trust_complete(struct certificate_trust *trust);

/* Finds the way as GnuTLS does: an authority of ours is preferred to what the server has sent. */
void certificate_path_find(struct certificate_case *the_case);

/* Is it its own issuer? */
bool certificate_is_self_issued(gnutls_x509_crt_t certificate);

/* The common name of whom it is for, or of its issuer, else the whole name, fit for an error; the
 * caller frees. */
char *certificate_subject(gnutls_x509_crt_t certificate);
char *certificate_issuer(gnutls_x509_crt_t certificate);

/* "2026-02-01"; the caller frees. */
char *certificate_day(time_t time);

/* Flags for every verification by GnuTLS. */
unsigned int certificate_flags(void);

/* Says what is wrong with a way of which GnuTLS says `status` (GNUTLS_CERT_…). Returns -1. */
int certificate_explain_status(const struct certificate_case *the_case, unsigned int status,
			       struct error *err);

/* Is the server's certificate one for this host? */
int certificate_check_host(const struct certificate_case *the_case, struct error *err);

/* Does a name of a certificate stand for this host? Both as ASCII; any case. */
bool certificate_name_matches(const char *name, size_t size, const char *host);

/* Has none of the way been revoked? *until is lowered to the end of the lists that were used. */
int certificate_check_revoked(const struct certificate_case *the_case, time_t *until,
			      struct error *err);

#endif
