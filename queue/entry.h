/*
 * entry.h - entries of class Mail: storing them, listing them, reading them back.
 *
 * Ownership: structs passed in are borrowed for the call; entry_find() hands out an entry that the
 *            caller frees; in a list it is borrowed for the call.
 * Content:   bytes come from a descriptor (pread) and go out in pieces, so that memory does not
 *            grow with their size. Content is stored once per SHA-256.
 * Errors, threads, times: as in store.h.
 */
#ifndef QUEUE_ENTRY_H
#define QUEUE_ENTRY_H

#include "queue/base/scoped.h"
#include "queue/store.h"

#include <stdbool.h>
#include <stddef.h>

enum entry_state { ENTRY_NEW, ENTRY_CLAIMED, ENTRY_DONE, ENTRY_FAILED, ENTRY_BAD };

/* "new", "claimed", "done", "failed", "bad". */
const char *entry_state_format(enum entry_state state);
/* -1 for any other text. */
int entry_state_parse(const char *text, enum entry_state *ret_state);

/* A body up to this size stands in its entry's row, a larger one in content. */
#define ENTRY_INLINE_BODY_MAX ((uint64_t)1024 * 1024)

/* Bytes in a file: [offset, offset + size_bytes) of fd. */
struct entry_content {
	bool present;
	int fd;
	uint64_t offset;
	uint64_t size_bytes;
	bool hashed; /* sha256 is known; else it is made of the bytes as they are stored */
	unsigned char sha256[32];
};

struct entry_attachment {
	uint32_t position; /* from 1; when storing: the index + 1, ignored */
	char *file_name;
	char *declared_name; /* NULL where the mail has none */
	char *content_type;
	char *disposition; /* NULL where there is none */
	char *content_id;  /* NULL where there is none */
	uint64_t size_bytes;
	unsigned char sha256[32];
};

/* What a calendar in the mail announces; any text may be NULL. Times as in the schema. */
struct entry_calendar {
	char *method;
	char *uid;
	char *starts_at;
	char *ends_at;
	char *organizer;
	char *attendees;
	char *summary;
	char *location;
};

/* The texts in their order; NULL behind the last. */
char **entry_calendar_text_at(struct entry_calendar *calendar, size_t index);

/* What a bounce says of one recipient, as in the schema; any text but the kind may be NULL. */
struct entry_bounce {
	char *kind;
	char *address;
	char *original_address;
	char *status;
	char *diagnostic;
	char *original_id;
};

/* The texts in their order; NULL behind the last. */
char **entry_bounce_text_at(struct entry_bounce *bounce, size_t index);

/* Who may have written a mail: "human", "auto-generated", …; NULL behind the last. */
const char *entry_auto_class_at(size_t index);

/* A reference takes at most so many bytes. */
enum { ENTRY_REFERENCE_MAX = 998 };

/* The columns of an entry. Strings may be NULL where the column may. */
struct entry {
	int64_t id;
	int64_t queue_id;
	char *queue_name; /* read only */
	enum entry_state state;
	int32_t priority; /* higher first; default 0 */
	bool held;	  /* an operator, or a rule, keeps it from workers */
	char *tags;	  /* read only: joined with blanks, which no tag holds; NULL = none */
	int32_t attempt_count;
	char *error_kind; /* "business", "application", "load" */
	char *error_text;
	int64_t last_attempt_at_ms; /* 0 = none */
	int64_t next_attempt_at_ms; /* 0 = none */
	int64_t lease_until_ms;	    /* 0 = none */
	int64_t deadline_at_ms;	    /* when it has to be done; 0 = none */
	int64_t risk_at_ms;	    /* when somebody should look after it; 0 = none */
	char *lease_owner;
	char *lease_token;

	char *subject;
	char *sender;
	char *recipient;
	char *cc;
	char *bcc;
	char *reply_to;
	char *message_id;
	char *in_reply_to;
	char *thread_references;
	int64_t thread_id; /* read only: the first entry of its thread, itself where it is alone */
	int64_t parent_id; /* read only: the entry that it answers; 0 = none */
	char *
	    reference; /* what it is about, at most ENTRY_REFERENCE_MAX bytes; NULL: nobody knows */
	int64_t same_as;     /* read only: the first entry that is about the same; 0 = itself */
	int64_t date_sent_s; /* seconds since 1970-01-01 UTC */
	int64_t date_received_s;
	char *reply_plain;    /* NULL = not looked for yet; when storing only: entry_find_reply() */
	char *headers;	      /* JSON [[name, value], …] */
	char *defects;	      /* JSON list */
	char *signature;      /* "not verified", "broken"; NULL: the mail is not signed */
	char *auto_class;     /* one of entry_auto_class_at(); NULL: not looked at */
	char *auto_reason;    /* the field that decided; NULL: none */
	char *output;	      /* read only: JSON; NULL: none, and in a list */
	char *progress;	      /* read only; NULL: none */
	int64_t output_at_ms; /* 0 = none; in a list, too */
	int64_t progress_at_ms; /* 0 = none */
	bool
	    raw_incomplete; /* too large to be fetched whole: raw_sha256 is not known, NULL there */
	unsigned char raw_sha256[32];
	uint64_t raw_size;
	bool raw_kept;	       /* read only: the raw message is in the database */
	bool has_message_body; /* read only */
	bool has_html_body;    /* read only */
	int64_t record_created_ms;
	int64_t record_updated_ms;

	struct entry_attachment *attachments;
	size_t attachment_count; /* in a list too; `attachments` is NULL there */
	struct entry_calendar *calendars;
	size_t calendar_count; /* 0 in a list */
	struct entry_bounce *bounces;
	size_t bounce_count; /* 0 in a list */
};

/* A digest as the database writes it: 64 lower-case hexadecimal digits and NUL. */
enum { ENTRY_SHA256_TEXT = 65 };
void entry_sha256_format(const unsigned char sha256[32], char text[ENTRY_SHA256_TEXT]);

/* The bytes that entry_put() stores beside the columns. */
struct entry_contents {
	struct entry_content message_body;	 /* UTF-8 text */
	struct entry_content html_body;		 /* UTF-8 text */
	struct entry_content raw;		 /* present where the raw message is to be kept */
	const struct entry_content *attachments; /* as many as the entry has */
};

/*
 * Stores an entry in the open transaction (store_begin()) and writes its id. Id, read-only members,
 * lease, record times, and sizes and digests of attachments (those in `contents` count) are
 * ignored. A bad entry has the error_kind "load" and an error_text. INVALID for what the schema
 * forbids, among it the state claimed. Content whose bytes cannot be read: IO. Errors leave the
 * transaction to be rolled back by the caller.
 */
int entry_put(struct store *store, const struct entry *entry, const struct entry_contents *contents,
	      int64_t now_ms, int64_t *ret_id, struct error *err);

struct entry_order; /* entry_operate.h */

/* Texts are contained, whatever the case in any alphabet; NULL = any. */
struct entry_filter {
	int64_t entry_id;   /* 0 = all entries */
	int64_t queue_id;   /* 0 = all queues */
	unsigned states;    /* the sum of ENTRY_IN(state) and ENTRY_DISCARDED; 0 = all */
	bool not_discarded; /* none that ENTRY_DISCARDED means */
	const char *sender;
	const char *subject;
	const char *text;	  /* in the subject or in a body */
	const char *error;	  /* in error_text */
	const char *worker;	  /* is the one that has it; NULL = any */
	int64_t received_from_s;  /* 0 = any; inclusive */
	int64_t received_until_s; /* 0 = any; exclusive */
	int64_t thread_of;	  /* of the thread that this entry is in; 0 = any */
	const char *auto_class;	  /* is its class; NULL = any */
	const char *tag;	  /* is one of its tags; NULL = any */
	const char *reference;	  /* is what it is about; NULL = any */
	bool only_held;
	bool only_posted;		 /* of queues that have a target */
	int64_t overdue_at_ms;		 /* not finished, with a deadline until then; 0 = any */
	int64_t changed_before_ms;	 /* record_updated; 0 = any; exclusive */
	const struct entry_order *order; /* would change it; NULL = any */
	int64_t now_ms;			 /* when the order would be carried out */
	bool newest_first;
	int64_t after_id; /* goes on behind this one; 0 = from the first */
	uint64_t limit;	  /* 0 = all */
};

/* A state, as one of those of a filter. */
#define ENTRY_IN(state) (1U << (unsigned)(state))

/* Besides the states of a filter: those in state failed that an operator has given up. */
#define ENTRY_DISCARDED	     (1U << 16)
#define ENTRY_DISCARDED_WORD "discarded"

/* Calls `each` for each entry, by id; non-zero ends the list and is returned. -1 with *err on an
 * error. No lock is held meanwhile: `each` may take its time, and write. */
int entry_list(struct store *store, const struct entry_filter *filter,
	       int (*each)(const struct entry *entry, void *context), void *context,
	       struct error *err);

/* Calls `each` with the digest of each raw message that a queue has an entry of, and whether that is a
 * bad one, in no order; not of messages that were never seen whole. Nothing may be written
 * meanwhile. */
int entry_list_digests(struct store *store, int64_t queue_id,
		       int (*each)(const unsigned char sha256[32], bool is_bad, void *context),
		       void *context, struct error *err);

/* With its attachments, calendars and bounces. MISSING names the id. */
int entry_find(struct store *store, int64_t entry_id, struct entry **ret_entry, struct error *err);

/* Of which queue it is. MISSING names the id. */
int entry_find_queue(struct store *store, int64_t entry_id, int64_t *ret_queue_id,
		     struct error *err);

/* Releases; takes NULL. */
void entry_free(struct entry *entry);
SCOPED_DEFINE(struct entry *, entry_free)

enum entry_part { ENTRY_MESSAGE_BODY, ENTRY_HTML_BODY, ENTRY_RAW, ENTRY_ATTACHMENT };

/*
 * Hands the bytes of one part (for ENTRY_ATTACHMENT the one at `position`) to `write` in pieces of
 * at most 64 KiB. `write` returns 0, or -1 to stop (then this returns -1 with REASON_IO and an empty
 * text). MISSING when the entry has no such part.
 */
int entry_read(struct store *store, int64_t entry_id, enum entry_part part, uint32_t position,
	       int (*write)(const void *bytes, size_t size, void *context), void *context,
	       struct error *err);

/* ---- the entry that a mail answers ---- */

/*
 * The tags of the entry of this queue that `entry` answers, among those with a smaller id than before_id; a
 * thread would have it for the parent. `entry` need not be stored. The list ends with NULL, and the
 * caller frees it with g_strfreev(); NULL where there is no such entry.
 */
int entry_parent_tags(struct store *store, int64_t queue_id, const struct entry *entry,
		      int64_t before_id, char ***ret_tags, struct error *err);

/* ---- entries that are about the same, in the open transaction ---- */

/* The first entry of the queue with this reference that has not failed; 0 where there is none. */
int entry_reference_find(struct store *store, int64_t queue_id, const char *reference,
			 int64_t *ret_id, struct error *err);

/* Discards the earlier entries with the reference of this one that are in state new. Where one of them was
 * held, this one is. */
int entry_replace_waiting(struct store *store, int64_t entry_id, int64_t now_ms, struct error *err);

/* Says in the history of the entry that `refused` was not stored because of it. */
int entry_note_refused(struct store *store, int64_t entry_id, const struct entry *refused,
		       int64_t now_ms, struct error *err);

/* ---- the reply in the text body ---- */

/* *ret_reply is NULL where it has not been looked for yet, "" where there is none. The caller frees
 * it with g_free(). MISSING. */
int entry_find_reply(struct store *store, int64_t entry_id, char **ret_reply, struct error *err);

/* In the open transaction. */
int entry_note_reply(struct store *store, int64_t entry_id, const char *reply, struct error *err);

/* ---- reading a bad mail once more ---- */

/*
 * Replaces all that the bad entry `entry_id` says by `entry` and `contents` (as for entry_put()),
 * in the open transaction. REFUSED when the entry is not bad; MISSING.
 */
int entry_replace(struct store *store, int64_t entry_id, const struct entry *entry,
		  const struct entry_contents *contents, int64_t now_ms, struct error *err);

/* ---- a part that the caller reads piece by piece ---- */

struct entry_source;

/* Opens a part for reading. MISSING when the entry has no such part. The store outlives it. */
int entry_source_open(struct store *store, int64_t entry_id, enum entry_part part,
		      uint32_t position, struct entry_source **ret_source, struct error *err);

/* In bytes. */
uint64_t entry_source_size(const struct entry_source *source);

/* Copies the next bytes, at most `room`; writes how many, 0 at the end. */
int entry_source_read(struct entry_source *source, void *bytes, size_t room, size_t *ret_size,
		      struct error *err);

/* Takes NULL. */
void entry_source_close(struct entry_source *source);
SCOPED_DEFINE(struct entry_source *, entry_source_close)

#endif
