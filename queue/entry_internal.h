/*
 * entry_internal.h - what the files of queue/ share of entries: content, filters as SQL, the
 * author of a change.
 *
 * Errors, threads: as in store.h.
 */
#ifndef QUEUE_ENTRY_INTERNAL_H
#define QUEUE_ENTRY_INTERNAL_H

#include "queue/engine_internal.h"
#include "queue/entry.h"
#include "queue/store_internal.h"

#include <glib.h>

/* ---- a filter as conditions on the view entry; parameters 1 to 9 are free ---- */

/* Appends " AND …" for each part that is set, so that the indices serve those that are. */
void entry_filter_append(const struct entry_filter *filter, GString *sql);

void entry_filter_bind(const struct entry_filter *filter, struct statement *statement);

/* What an operator has given up: the text is that of ENTRY_DISCARD. A worker may fail with the same words,
 * which the history tells apart. */
#define ENTRY_IS_DISCARDED                                                                         \
	"(state = 'failed' AND error_kind IS 'business' AND (error_text IS 'discarded'"            \
	" OR coalesce(error_text, '') GLOB 'discarded: *') AND (SELECT change FROM entry_event"    \
	" WHERE entry_id = id AND change IN ('failed', 'expired', 'discarded')"                    \
	" ORDER BY number DESC LIMIT 1) IS 'discarded')"

/* The entries that an order would change, as a condition on entry_status; it has the parameters 21
 * to 23. */
const char *entry_order_condition(const struct entry_order *order);
void entry_order_bind(const struct entry_order *order, int64_t now_ms, struct statement *statement);

/* ---- content: bytes of any size, kept once per SHA-256; takes at most 2 MiB of memory ---- */

/*
 * Stores the bytes unless they are there, in the open transaction, and writes their digest in
 * hexadecimal. INVALID when other bytes, or more than the database can hold, come under this
 * digest.
 */
int content_put(struct store *store, const struct entry_content *content,
		char ret_sha256[static VALUE_SHA256_MAX], struct error *err);

/* Deletes what no entry uses, in the open transaction. */
int content_drop_unused(struct store *store, struct error *err);

/* Hands the bytes to `write`, as entry_read() does. MISSING when there is no such content. */
int content_read(struct store *store, int64_t content_id, uint64_t size_bytes,
		 int (*write)(const void *bytes, size_t size, void *context), void *context,
		 struct error *err);

/* Hands bytes in memory to `write` in the same way. */
int content_write(const void *bytes, size_t size,
		  int (*write)(const void *bytes, size_t size, void *context), void *context,
		  struct error *err);

/* ---- what only an entry that is read alone has ---- */

/* Fills attachments; attachment_count says for how many there is room. */
int entry_attachments_read(struct store *store, struct entry *entry, struct error *err);

int entry_output_read(struct store *store, struct entry *entry, struct error *err);

/* ---- calendars, in the open transaction ---- */

int entry_calendars_put(struct store *store, const struct entry *entry, int64_t entry_id,
			struct error *err);

/* Fills calendars and calendar_count; entry_calendars_clear() releases them. */
int entry_calendars_read(struct store *store, struct entry *entry, struct error *err);
void entry_calendars_clear(struct entry *entry);

/* ---- the same for what a bounce says ---- */

int entry_bounces_put(struct store *store, const struct entry *entry, int64_t entry_id,
		      struct error *err);
int entry_bounces_read(struct store *store, struct entry *entry, struct error *err);
void entry_bounces_clear(struct entry *entry);

/* ---- the message ids that a mail names, in the open transaction ---- */

/* Is it "<…>" with something in it? A bare address, words, and what is longer than a line are none. */
bool reference_is_id(const char *id);

/* Does the entry name another mail? */
bool references_any(const struct entry *entry);

/* Keeps what In-Reply-To and References name. */
int references_put(struct store *store, const struct entry *entry, int64_t entry_id,
		   struct error *err);

/* An id that more mails of a queue have than this is no id: their program gives each the same one. It joins nothing. */
enum { REFERENCE_OWNERS_MAX = 100 };

/* The mails of a queue that have the id for their own, counted as far as it matters: 102 stands for more than 101. */
#define REFERENCE_OWNERS(id, queue_id)                                                             \
	"(SELECT count(*) FROM (SELECT 1 FROM entry_mail o CROSS JOIN entry_status q"              \
	" ON q.id = o.entry_id WHERE o.message_id = " id " AND q.queue_id = " queue_id             \
	" LIMIT 102))"

/* Adds the ids that join the entry to others, its own first; the caller frees each with g_free(). */
int references_read(struct store *store, int64_t entry_id, GPtrArray *ids, struct error *err);

/* ---- what an entry is about ---- */

/* Keeps the entry's reference, where it has one, in the open transaction. */
int entry_key_put(struct store *store, const struct entry *entry, int64_t entry_id,
		  struct error *err);

/* ---- threads, in the open transaction ---- */

/* Joins the entry, whose mail has been stored, to the thread it belongs to. */
int entry_thread_put(struct store *store, const struct entry *entry, int64_t entry_id,
		     struct error *err);

/* ---- who makes the changes of the open transaction, for the history that triggers write ---- */

/* who NULL: the worker that has the entry, where one has it. why NULL: no reason. */
int change_author_set(struct store *store, const char *who, const char *why, struct error *err);
int change_author_clear(struct store *store, struct error *err);

#endif
