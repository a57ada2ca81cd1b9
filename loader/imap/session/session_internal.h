/*
 * session_internal.h - what the parts of a session share. No other header besides transport.h knows
 * libetpan.
 *
 * imapc_command() sends commands as text of our own, and libetpan's parser reads their answers, so
 * that there is one place for deadlines, for the server's words and for what kills a session. Texts
 * in commands come from imapc_quote(), uid_set_next() or have been checked.
 */
#ifndef LOADER_IMAP_SESSION_SESSION_INTERNAL_H
#define LOADER_IMAP_SESSION_SESSION_INTERNAL_H

#include "loader/imap/session/session.h"
#include "loader/imap/wire/transport.h"

#include <glib.h>
#include <libetpan/mailimap.h>

struct imapc_fetch;

/* The kinds of untagged answers that are missed where libetpan cannot read them. */
enum imapc_unread { IMAPC_UNREAD_FETCH, IMAPC_UNREAD_LIST, IMAPC_UNREADS };

struct imapc_session {
	mailimap *imap;
	struct transport *transport;
	const struct connection_string *server;
	bool alive;
	char *mechanism;
	GPtrArray *capabilities; /* char *, upper case, without the disabled ones */
	GPtrArray *shown;	 /* char *, the same, fit to be shown */
	char *capability_text;	 /* the latter with blanks between */

	bool namespace_known;
	char delimiter;		 /* '\0': the server has no levels */
	char *personal_prefix;	 /* "" where there is none */
	GPtrArray *all_prefixes; /* char *, of every namespace; none is empty */

	/* The open folder, as it was when it was opened. */
	char *open_wire; /* NULL: none is open */
	char *open_name;
	uint32_t uid_validity; /* 0: none is open */
	uint32_t open_uid_next;

	GHashTable
	    *sizes; /* of messages of the open folder, by UID, as far as the server has told */
	struct transport_expected expected; /* as the answer to the next command */
	struct imapc_fetch *fetch;	    /* the running FETCH; NULL between commands */
	char *unread
	    [IMAPC_UNREADS]; /* of the last command, how the first one of each kind begins; or NULL */
};

/*
 * One command and its whole answer; what the answer brought is in session->imap until the next
 * command. Errors: the server's NO or BAD (the session lives on), and all that ends a session; one
 * of these is that the open folder has numbered its messages afresh (RFC 3501, 2.3.1.1).
 */
int imapc_command(struct imapc_session *session, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same judgement for what libetpan's own functions return, other than for connecting. */
int imapc_judge(struct imapc_session *session, int result, struct error *err);

/* The tagged answer to the last command: "OK", "NO", "BAD", or NULL when there was none. */
const char *imapc_status_of_answer(const struct imapc_session *session, char **ret_words);

/* What the next command is to bring (transport.h); without it, a short answer. */
void imapc_expect(struct imapc_session *session, size_t answers, uint64_t size_bytes,
		  uint64_t literal_bytes);

/* Of an answer about a message, without a body; of a line that lists a folder. */
#define IMAPC_ANSWER_BYTES UINT64_C(200)
/* Of a UID in an answer to SEARCH, with its blank. */
#define IMAPC_NUMBER_BYTES UINT64_C(11)

/* Refuses to sign in by this mechanism where the last sign-in was worth more (CREDENTIALS). */
int imapc_check_worth(const struct imapc_session *session, const struct imapc_account *account,
		      const char *mechanism, struct error *err);

/* A command made without imapc_command() begins. */
void imapc_begin(struct imapc_session *session);

/* The last, or only, step of a command: its whole answer, read by libetpan's parser. Returns a
 * result of libetpan's. */
int imapc_read_answer(struct imapc_session *session);

/*
 * For commands that are a conversation (IDLE, AUTHENTICATE), whose lines libetpan's parser does not
 * know.
 */
enum imapc_line {
	IMAPC_LINE_OTHER,
	IMAPC_LINE_CONTINUE, /* "+" */
	IMAPC_LINE_NEWS,     /* EXISTS, RECENT */
	IMAPC_LINE_BYE,
	IMAPC_LINE_LITERAL, /* more follows */
	IMAPC_LINE_TAGGED
};

/* At most so many lines come before one that is waited for. */
enum { IMAPC_LINES_MAX = 100000 };

/* Returns a result of libetpan's. */
int imapc_send_text(struct imapc_session *session, const char *text);

/* The line is in session->imap->imap_stream_buffer then. Returns a result of libetpan's:
 * MAILIMAP_ERROR_STREAM also for a BYE. */
int imapc_read_line(struct imapc_session *session, enum imapc_line *ret_kind);

/* Waits for "+". The server may say other things before it, or refuse: then the session lives on. */
int imapc_await_permission(struct imapc_session *session, struct error *err);

/*
 * As imapc_command(), for a command with literals (RFC 3501, 4.3): `parts` are text, literal, text,
 * literal … text, and end with NULL. Each literal waits for the server's leave.
 */
int imapc_command_parts(struct imapc_session *session, char *const *parts, struct error *err);

/* Nothing more can be done on this connection. */
void imapc_kill(struct imapc_session *session);

/* PROTOCOL where the last command has brought an answer of this kind that nobody can read. */
int imapc_refuse_unread(const struct imapc_session *session, enum imapc_unread kind,
			struct error *err);

void imapc_forget_unread(struct imapc_session *session);

/* As a quoted string, with its quotes. Caller frees with g_free(). */
char *imapc_quote(const char *text);

/* Fills in personal_prefix, all_prefixes and delimiter, once. */
int imapc_learn_namespaces(struct imapc_session *session, struct error *err);

/*
 * UID MOVE (RFC 6851) and UID COPY of a set. COPYUID is taken from an untagged OK or the tagged
 * one. Success means that the server said OK, and nothing more: see move.h. *ret_copy is filled
 * also after a failure, with what was told before it.
 */
int imapc_move(struct imapc_session *session, const uint32_t *uids, size_t count, const char *wire,
	       struct imapc_copy *ret_copy, struct error *err);
int imapc_copy(struct imapc_session *session, const uint32_t *uids, size_t count, const char *wire,
	       struct imapc_copy *ret_copy, struct error *err);

/* The one folder that has the attribute (mailbox_name_attribute()). CONFIGURATION where none or several
 * have it. */
int imapc_find_attribute(struct imapc_session *session, const char *attribute,
			 struct imapc_folder *ret_folder, struct error *err);

/* A row of LIST that is a mailbox, not only a level above others. */
bool imapc_can_be_selected(const struct mailimap_mailbox_list *row);

/* Signs in by the strongest mechanism that both sides have. Errors: CREDENTIALS, UNREACHABLE,
 * PROTOCOL, TEMPORARY. */
int imapc_sign_in(struct imapc_session *session, const struct imapc_account *account,
		  struct error *err);

/* libetpan's handlers; `context` is the session. */
bool imapc_fetch_take_body(int type, struct mailimap_msg_att_body_section *section,
			   const char *bytes, size_t size, void *context);
void imapc_fetch_take_items(struct mailimap_msg_att *items, void *context);

/* The answer that the last piece of a body came with was unreadable and has been skipped. */
void imapc_fetch_abandon(struct imapc_session *session);

/* --- a running FETCH ---------------------------------------------------- */

/*
 * libetpan's handlers hand on what arrives: first the body of a message, in pieces of at most
 * 64 KiB, and after it the items that say whose body it was.
 */

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

	bool failed;
	struct error error; /* if failed */
};

/* As imapc_command(), with `fetch` for what it brings. */
int fetch_run(struct imapc_session *session, struct imapc_fetch *fetch, const char *command,
	      struct error *err);

/* Has libetpan pass over untagged responses that it does not understand. Without that such a
 * response is an error that leaves the stream out of step; with it the response is read to its end,
 * literals included, and forgotten, but for what imapc_refuse_unread() tells. Once; any thread. */
void imapc_tolerate(void);

#endif
