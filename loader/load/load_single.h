/*
 * load_single.h - one message that lies in a folder already becomes an entry, outside of a run.
 *
 * A reload replaces a bad entry; a verification adopts mail that has no entry. Both know the
 * message by its UID and decide themselves where its entry and its row of the ledger are stored.
 *
 * Life:      load_single_open() .. load_single_close(), with a folder of the mailbox open. For each
 *            message load_single_fetch(), then load_single_make().
 * Ownership: what is handed to load_single_open() is borrowed until load_single_close().
 * Errors:    those of session.h and of the parser (IO, SOFTWARE).
 */
#ifndef LOADER_LOAD_LOAD_SINGLE_H
#define LOADER_LOAD_LOAD_SINGLE_H

#include "loader/make/make_entry.h"
#include "loader/source/mailbox.h"
#include "queue/base/error.h"
#include "queue/base/scoped.h"
#include "queue/entry.h"
#include "queue/store.h"
#include "queue/work_queue.h"

#include <stdbool.h>
#include <stdint.h>

struct load_single;

/* `database` is the path, beside which the messages lie on their way. */
int load_single_open(struct store *store, const struct work_queue *queue, struct mailbox *mailbox,
		     const char *database, struct load_single **ret_single, struct error *err);

/* Takes NULL. */
void load_single_close(struct load_single *single);
SCOPED_DEFINE(struct load_single *, load_single_close)

/* What is known of a message once it has come. */
struct load_single_facts {
	uint32_t uid;
	unsigned char raw_sha256[32];
	uint64_t size_bytes;
	int64_t internal_date_s; /* 0: the server gives none */
};

/* Fetches a message of the open folder and parses it. `folder` names the folder in errors. Errors:
 * NO: the message is not there any more; PROTOCOL: the server does not send it. */
int load_single_fetch(struct load_single *single, const char *folder, uint32_t uid,
		      struct load_single_facts *ret_facts, struct error *err);

/*
 * Makes the entry of the message that was fetched last, as received at `internal_date_s`, and hands
 * it to `put`. *ret_bad: it could not be loaded, and the entry says why. Errors: those of `put`;
 * DATA and SOFTWARE where the fault is the message's own.
 */
int load_single_make(struct load_single *single, int64_t internal_date_s, make_put put,
		     void *context, bool *ret_bad, struct error *err);

/*
 * Loads a bad entry again, after the cause is gone: fetches its message from the bad-mail folder;
 * when it can be loaded now, the entry is replaced under its id, is new, and the message moves to
 * the archive folder. A reload that was interrupted before that move is finished by the next one.
 * Errors: NO (no such entry, it is not bad, its message is gone), DATA (it still cannot be loaded;
 * the entry says why), those of a run.
 */
int reload_entry(struct store *store, int64_t entry_id, const char *database, struct error *err);

#endif
