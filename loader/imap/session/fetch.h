/*
 * fetch.h - a running FETCH: where libetpan's handlers hand on what arrives.
 *
 * Internal to loader/imap/. The body of a message comes first, in pieces of at most 64 KiB; the
 * items that say whose body it was come after it.
 */
#ifndef LOADER_IMAP_SESSION_FETCH_H
#define LOADER_IMAP_SESSION_FETCH_H

#include "loader/imap/session/session_internal.h"

/* The items of one message that matter here. */
struct fetch_items {
	uint32_t uid; /* 0: not given */
	uint32_t number;
	bool has_flags;
	unsigned flags; /* enum imapc_flag */
	bool has_body;
	bool body_is_nil; /* the server cannot get at it, or it is empty (RFC 3501, 7.4.2) */
	bool has_size;
	uint32_t size_bytes;
	int64_t internal_date_s; /* 0: not given or unreadable */
};

struct imapc_fetch {
	/* Both return -1 with *err to end the session. `origin` is the first byte's place in the
	 * body (RFC 3501, 7.4.2). */
	int (*take_body)(struct imapc_fetch *fetch, const char *bytes, size_t size, uint32_t origin,
			 struct error *err);
	int (*take_items)(struct imapc_fetch *fetch, const struct fetch_items *items,
			  struct error *err);
	/* A body that was begun cannot be finished. */
	int (*abandon)(struct imapc_fetch *fetch, struct error *err);
	void *context;

	size_t messages_left; /* answers that may still come; more is a flood */
	bool failed;
	struct error error; /* if failed */
};

/* As imapc_command(), with `fetch` for what it brings. */
int fetch_run(struct imapc_session *session, struct imapc_fetch *fetch, const char *command,
	      struct error *err);

#endif
