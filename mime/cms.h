/*
 * cms.h - S/MIME's envelopes (CMS, RFC 5652, 8551): what was signed, and whether it is what was
 * signed. Nothing is decrypted, and nobody is asked whom a certificate belongs to.
 *
 * Caps:    CMS_BYTES_MAX of an envelope; signatures are looked at where there are at most
 *          CMS_SIGNERS_MAX, with at most CMS_OVERHEAD_MAX bytes beside the content.
 * Threads: one at a time.
 */
#ifndef MIME_CMS_H
#define MIME_CMS_H

#include "mime/input.h"

enum { CMS_BYTES_MAX = 40 * 1024 * 1024, CMS_OVERHEAD_MAX = 1024 * 1024, CMS_SIGNERS_MAX = 5 };

enum cms_kind {
	CMS_UNREADABLE,
	CMS_SIGNED,
	CMS_CERTIFICATES, /* signed-data without anything signed */
	CMS_ENCRYPTED,
	CMS_OTHER /* compressed, digested, … */
};

/* Of several signatures the worst counts. */
enum cms_signature {
	CMS_NOT_VERIFIED, /* the content may be what was signed; by whom is not known */
	CMS_BROKEN	  /* the content, or the signature, has been changed */
};

/* Makes OpenSSL ready, once per process: it reads no configuration. */
void cms_open(void);

/* Reads the envelope that the input is; the content of a CMS_SIGNED one goes to the sink. */
enum cms_kind cms_read(struct input *input, struct sink *sink, enum cms_signature *ret_signature);

/* The envelope is a signature of [begin, end) of another input, its lines ended by CRLF. */
enum cms_kind cms_check(struct input *signature, struct input *content, uint64_t begin,
			uint64_t end, enum cms_signature *ret_signature);

#endif
