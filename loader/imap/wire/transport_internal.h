/*
 * transport_internal.h - what the parts of the transport share: transport_open.c makes the
 * connection, transport_tls.c describes its TLS, transport.c carries bytes over it,
 * transport_failure.c words why it broke.
 */
#ifndef LOADER_IMAP_WIRE_TRANSPORT_INTERNAL_H
#define LOADER_IMAP_WIRE_TRANSPORT_INTERNAL_H

#include "loader/imap/wire/nesting.h"
#include "loader/imap/wire/transport.h"

#include <curl/curl.h>

struct protocol_log;

/* Between two answers that libetpan makes sense of. */
#define UNPARSED_BYTES_MAX (UINT64_C(4) * 1024 * 1024)

enum transport_failure {
	TRANSPORT_FAILED_NOT,
	TRANSPORT_CLOSED,   /* by the server */
	TRANSPORT_MUTE,	    /* too slow, or silent */
	TRANSPORT_ENDLESS,  /* neither, but longer than what was to come takes */
	TRANSPORT_FLOOD,    /* more than libetpan can make sense of */
	TRANSPORT_TOO_LONG, /* more than was to come */
	TRANSPORT_NESTED,   /* an answer that nesting.h keeps away */
	TRANSPORT_NETWORK,  /* any other error */
	TRANSPORT_BROKEN    /* by transport_break() */
};

struct transport {
	CURL *curl; /* NULL: the socket is used as it is */
	bool adopted;
	char *host;
	struct transport_facts facts;
	curl_socket_t socket;
	const char *greeting; /* what is left of it to be read */
	enum transport_failure failure;
	CURLcode curl_error;
	uint32_t timeout_ms;
	int64_t wait_left_us;
	int64_t total_left_us;	 /* of waiting, whatever comes */
	uint64_t bytes_left;	 /* that may come */
	uint64_t unparsed_bytes; /* since transport_progress() */
	struct nesting nesting;
	char early[512]; /* read by transport_wait(); [early_start, early_end) is to be read yet */
	size_t early_start;
	size_t early_end;
	bool hidden;
	struct protocol_log *log; /* NULL: nothing is logged */
};

/*
 * Notes version, cipher and certificate of TLS, once. curl shows its TLS session only while it is
 * at work, so this is called at every line of the server before the handover. True: noted now.
 */
bool transport_note_tls(struct transport *transport);

/* Releases what transport_facts() shows. */
void transport_forget_facts(struct transport *transport);

#endif
