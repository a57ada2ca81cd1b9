/*
 * opening_internal.h - a connection while it is being opened: transport_open.c opens it,
 * opening_fault.c says why it could not be.
 */
#ifndef LOADER_IMAP_WIRE_OPENING_INTERNAL_H
#define LOADER_IMAP_WIRE_OPENING_INTERNAL_H

#include "loader/certificate/certificate.h"
#include "loader/imap/wire/dial_internal.h"
#include "loader/imap/wire/transport_internal.h"

/* Of a probe (foreign_internal.h), for connecting and again for an answer. */
#define PROBE_MS 1500

/* No server says as much before the handover. */
enum { OPENING_BYTES_MAX = 64 * 1024 };

/* The conversation before the handover, for errors. */
struct opening {
	struct transport *transport;
	const struct connection_string *server;
	struct certificate_trust *trust;
	int64_t deadline_ms;	     /* of name, connection, TLS and greeting together */
	struct dialled dialled;	     /* until curl takes it over */
	struct curl_slist *resolved; /* whom curl is connected to */
	bool stapled;		     /* the server must bring an answer about its revocation */
	enum certificate_verdict verdict;
	struct error refusal; /* why, where it is CERTIFICATE_REFUSED */
	char curl_text[CURL_ERROR_SIZE];
	char *last_words;   /* of the server; NULL: it has said nothing */
	size_t heard_bytes; /* before the handover */
	bool preauthenticated;
	bool foreign;	    /* its first line is no greeting of IMAP */
	bool asked_for_tls; /* whether it speaks TLS, since it says nothing without */
	bool speaks_tls;
};

/* The address, in figures, that the connection was made to; of a proxy, its own. NULL: there was none. Caller frees. */
char *opening_address(const struct opening *opening);

/* Why there is no connection. Always returns -1. */
int opening_explain_dial(const struct opening *opening, enum dial_end end, struct error *err);

/* Why curl gave up, by its code and by what the server has said. Always returns -1. */
int opening_explain(struct opening *opening, CURLcode code, struct error *err);

#endif
