/*
 * session.h - one signed-in connection to an IMAP server (RFC 3501 with UIDPLUS, MOVE, NAMESPACE).
 *
 * Life:      imapc_open() .. imapc_close(). One mailbox selected at a time. A session dies of lost
 *            connections, of answers that make no sense and of callbacks that fail; then
 *            imapc_is_alive() is false, and only imapc_close() is useful. A refused command does
 *            not kill it.
 * Names:     folders are passed in the server's form ("wire"), as imapc_find_folder() gives it;
 *            UIDs, never sequence numbers, name messages.
 * Deadlines: a command waits for the server `timeout_s` of the connection string in all. Bytes from
 *            the server give time back, a second for 16 KiB, never above `timeout_s`: silence
 *            and a slower drip are errors. Time spent in callbacks does not count.
 * Errors:    UNREACHABLE (network, TLS), CREDENTIALS (sign-in, permission), PROTOCOL (the server's
 *            NO or BAD, or nonsense), TEMPORARY ([UNAVAILABLE], [LIMIT], [INUSE], [OVERQUOTA]),
 *            CONFIGURATION (folder missing), IO (own disk). Texts name the folder and keep the
 *            server's own words, made printable and cut at 200 bytes.
 * Threads:   one at a time per session.
 * Memory:    a message goes through in pieces of at most 64 KiB; a list of UIDs costs 4 bytes each,
 *            and 16 while a command about it runs.
 */
#ifndef LOADER_IMAP_SESSION_SESSION_H
#define LOADER_IMAP_SESSION_SESSION_H

#include "loader/base/secret.h"
#include "loader/imap/names/connection_string.h"
#include "loader/imap/names/quirks.h"
#include "queue/base/error.h"
#include "queue/base/scoped.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct imapc_session;

/* What a sign-in is worth. */
struct imapc_worth {
	const char *mechanism; /* NULL: not known, and anything is worth as much */
	bool tls;
	const char *way_out; /* of an error: how the user lets less pass */
};

struct imapc_account {
	const struct connection_string *server; /* borrowed until imapc_close() */
	const char *user_name;			/* borrowed for imapc_open() */
	const struct secret *secret;		/* borrowed for imapc_open() */
	bool secret_is_token;			/* an OAuth 2.0 access token */
	struct imapc_worth
	    least; /* CREDENTIALS before the secret is sent, where it would be less */
};

/*
 * Connects, verifies TLS, signs in with the strongest mechanism that the server offers. The
 * password leaves in clear only to a loopback address or with insecure=True. UNREACHABLE texts tell
 * apart: host unknown, port closed, no answer in time, no TLS offered, certificate expired / of an
 * unknown authority / for another host. On failure nothing stays open.
 */
int imapc_open(const struct imapc_account *account, struct imapc_session **ret_session,
	       struct error *err);

/* LOGOUT, waiting at most 2 s for the answer; takes NULL. */
void imapc_close(struct imapc_session *session);
SCOPED_DEFINE(struct imapc_session *, imapc_close)

/* False once the session is of no more use. */
bool imapc_is_alive(const struct imapc_session *session);

/* What the connection turned out to be; strings are borrowed from the session. */
struct imapc_facts {
	const char *tls;		 /* "TLSv1.3" …, NULL without TLS */
	const char *cipher;		 /* NULL when not known */
	const char *certificate_subject; /* NULL without TLS */
	const char *certificate_issuer;
	const char *certificate_expires;
	int64_t certificate_begins_s; /* 0 without TLS */
	int64_t certificate_ends_s;
	const char *peer_address;
	const char *mechanism;	  /* "SCRAM-SHA-256", "LOGIN", "PREAUTH" … */
	const char *capabilities; /* after sign-in, blank-separated, upper case */
};
void imapc_describe(const struct imapc_session *session, struct imapc_facts *ret_facts);

/* After sign-in, less the disabled ones. `name` in upper case. */
bool imapc_has_capability(const struct imapc_session *session, const char *name);

/* By what the server offers after sign-in, and by its name. */
bool imapc_has_quirk(const struct imapc_session *session, enum quirk quirk);

struct imapc_folder {
	char
	    *wire; /* the server's form; for a missing folder: the name it should be created with */
	bool exists; /* and can be selected */
	bool is_all; /* it shows the messages of all other folders: \All (RFC 6154) */
};
/*
 * Finds a folder by its name in the operator's form: as it stands, else below the personal
 * namespace's prefix (RFC 2342). Caller frees ret_folder->wire. A missing folder is no error.
 * "\Archive" and the like (mailbox_name_attribute()) is the folder that the server calls so (RFC
 * 6154): CONFIGURATION where there is none, or more than one.
 */
int imapc_find_folder(struct imapc_session *session, const char *name,
		      struct imapc_folder *ret_folder, struct error *err);

/* Are these two names, in the server's form, one folder (mailbox_name_is_same())? */
bool imapc_is_same_folder(const struct imapc_session *session, const char *wire, const char *other);

/* CREATE and SUBSCRIBE (a refused SUBSCRIBE is ignored). `name` is the operator's form, for errors.
 */
int imapc_create_folder(struct imapc_session *session, const char *wire, const char *name,
			struct error *err);

/*
 * Creates what is missing of the levels above a folder, in the folder's own namespace. A level that
 * the server refuses is passed over: it may create it by itself, and says else why it cannot.
 */
int imapc_create_parents(struct imapc_session *session, const char *wire, struct error *err);

struct imapc_status {
	uint32_t messages;
	uint32_t unseen;
	uint32_t uid_next;
	uint32_t uid_validity;
};
int imapc_status(struct imapc_session *session, const char *wire, const char *name,
		 struct imapc_status *ret_status, struct error *err);

struct imapc_mailbox {
	uint32_t messages;
	uint32_t uid_validity; /* never 0: a server without it is a CONFIGURATION error */
	uint32_t uid_next;     /* 0 when the server does not say */
	bool read_only;	       /* also when SELECT was answered [READ-ONLY] */
};
int imapc_select(struct imapc_session *session, const char *wire, const char *name, bool read_only,
		 struct imapc_mailbox *ret_mailbox, struct error *err);

/*
 * UIDs of the selected mailbox that match `criteria` (search keys of RFC 3501 6.4.4, one line of
 * UTF-8, no literal), ascending, without doubles, in an array the caller frees (NULL when there is
 * none). Asks in windows so that no answer is long.
 */
int imapc_search(struct imapc_session *session, const char *criteria, uint32_t **ret_uids,
		 size_t *ret_count, struct error *err);

/* How many messages the selected mailbox has, as the server has told by now (EXISTS). */
uint32_t imapc_count_messages(const struct imapc_session *session);

/* As imapc_search(), among the last `messages` of the mailbox. */
int imapc_search_last(struct imapc_session *session, uint32_t messages, const char *criteria,
		      uint32_t **ret_uids, size_t *ret_count, struct error *err);

/* The UIDs among `uids` that are still in the selected mailbox; as above. */
int imapc_search_present(struct imapc_session *session, const uint32_t *uids, size_t count,
			 uint32_t **ret_uids, size_t *ret_count, struct error *err);

/* The UIDs among `uids` that are there and flagged \Seen; as above. */
int imapc_search_seen(struct imapc_session *session, const uint32_t *uids, size_t count,
		      uint32_t **ret_uids, size_t *ret_count, struct error *err);

struct imapc_size {
	uint32_t uid;
	uint64_t size_bytes; /* RFC822.SIZE: the server's word, may be wrong */
};
/* `sizes` holds `count` rows with uid set; size_bytes is filled in, UINT64_MAX where the message is
 * gone. */
int imapc_fetch_sizes(struct imapc_session *session, struct imapc_size *sizes, size_t count,
		      struct error *err);

/*
 * Takes messages as they arrive. For each message: `begin`, `write` for every piece, `end`. The UID
 * is only known at `end` (uid 0: a body that was not asked for; drop it). A callback that
 * returns -1 fills *err and ends the session's life.
 */
struct imapc_sink {
	int (*begin)(void *context, struct error *err);
	int (*write)(void *context, const void *bytes, size_t size, struct error *err);
	int (*end)(void *context, uint32_t uid, int64_t internal_date_s, struct error *err);
	void *context;
};

/*
 * UID FETCH (UID INTERNALDATE BODY.PEEK[]) of a batch. UIDs that are gone are passed over; a
 * message sent twice, not asked for or in an unreadable answer reaches `end` with uid 0. Messages
 * that did not arrive because an answer was unreadable are asked for once more without their date.
 * A body of NIL (RFC 3501, 7.4.2) is passed over unless RFC822.SIZE says that there are no bytes.
 * `internal_date_s` is seconds since 1970-01-01 UTC, 0 if unknown.
 */
int imapc_fetch_messages(struct imapc_session *session, const uint32_t *uids, size_t count,
			 const struct imapc_sink *sink, struct error *err);

/* As imapc_fetch_messages(), of the header block (BODY.PEEK[HEADER]) at most `max_size` bytes. */
int imapc_fetch_headers(struct imapc_session *session, const uint32_t *uids, size_t count,
			uint32_t max_size, const struct imapc_sink *sink, struct error *err);

enum { BODY_DIGEST_SIZE = 32 };

/* A message that is too large to be loaded is known by so many bytes of its header. The ledger
 * holds such digests, so this number never changes, whatever maxHeader= is. */
enum { BODY_DIGEST_HEADER_MAX = 262144 };

/* All that is learnt of a message. */
struct body_facts {
	uint32_t uid;
	unsigned char sha256[BODY_DIGEST_SIZE];
	uint64_t size_bytes;	 /* of what was fetched */
	int64_t internal_date_s; /* seconds since 1970-01-01 UTC; 0 = not known */
};

/* Takes the facts of one message; anything but 0 ends the session. */
typedef int (*body_digest_take)(const struct body_facts *facts, void *context);

/*
 * Fetches messages and calls `each` with the digest of each one as it comes; the bytes are
 * forgotten. header_max 0: whole messages, else at most so many bytes of their headers.
 */
int body_digest(struct imapc_session *session, const uint32_t *uids, size_t count,
		uint32_t header_max, body_digest_take each, void *context, struct error *err);

/* UID STORE +FLAGS.SILENT. `flags` e.g. "\\Seen", "\\Seen \\Deleted". */
int imapc_add_flags(struct imapc_session *session, const uint32_t *uids, size_t count,
		    const char *flags, struct error *err);

/* UID STORE -FLAGS.SILENT, likewise. */
int imapc_remove_flags(struct imapc_session *session, const uint32_t *uids, size_t count,
		       const char *flags, struct error *err);

struct imapc_copy {
	uint32_t uid_validity; /* of the target; 0 when the server did not say (no COPYUID) */
	uint32_t *uids; /* as long as the set, in its order: UID in the target, 0 = not known */
};
void imapc_copy_free(struct imapc_copy *copy);
SCOPED_DEFINE(struct imapc_copy *, imapc_copy_free)

/* UID EXPUNGE of a set (RFC 4315); only with UIDPLUS. */
int imapc_expunge(struct imapc_session *session, const uint32_t *uids, size_t count,
		  struct error *err);

enum imapc_idle_end {
	IMAPC_IDLE_CHANGED, /* the server has news of the mailbox */
	IMAPC_IDLE_TIME_IS_UP,
	IMAPC_IDLE_WOKEN
};

/*
 * IDLE (RFC 2177) in the selected mailbox: until the server reports new mail, `timeout_ms` have
 * passed, or the descriptor `wake` (-1: none) is readable. Only with the capability IDLE. New mail
 * that the server has told of before the call is not reported again.
 */
int imapc_idle(struct imapc_session *session, int wake, int64_t timeout_ms,
	       enum imapc_idle_end *ret_end, struct error *err);

/* Makes what every connection needs, once for this process and all that it starts. */
void imapc_prepare(void);

/*
 * From now on every connection of this process and its children writes its protocol to the file, a
 * line for each of its lines: without the sign-in, and without what stands in literals (messages).
 * The file is made with mode 0600, and grows. Errors: IO.
 */
int imapc_log_to(const char *path, struct error *err);

/* --- rights (RFC 4314, and RFC 2086 before it) -------------------------- */

/*
 * Which of the rights `needed` ("te") the user lacks in a folder: *ret_lacking is NULL when none is
 * lacking, or when the server does not tell (it has no ACL, or refuses to say). Caller frees with
 * g_free(). Errors: those that end a session.
 */
int rights_find_lacking(struct imapc_session *session, const char *wire, const char *needed,
			char **ret_lacking, struct error *err);

/* "the rights t (mark messages as deleted) and e (expunge messages) are missing". Caller frees with g_free(). */
char *rights_describe(const char *rights);

/* --- the libraries ------------------------------------------------------ */

/* "libetpan 1.9", "libcurl/7.88.1 GnuTLS/3.7.9 …"; NULL behind the last. */
const char *imapc_library_at(unsigned index);

/* Tells what is worked around here; a version newer than those that were tried is said to be. */
void imapc_workarounds(void (*tell)(const char *words, void *context), void *context);

#endif
