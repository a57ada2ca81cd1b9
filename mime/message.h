/*
 * message.h - what a message says, once somebody has taken it apart, and how much of it to look at.
 *
 * Life:      mime_message_free() per message.
 * Units:     sizes and offsets in bytes, times in seconds since 1970-01-01 UTC.
 * Ownership: a struct mime_message owns all its strings.
 * Text:      every string and every body is valid UTF-8 without control characters other than
 *            newline and tab (no CR, no NUL, no C1, no U+FEFF at the start); lines end in "\n".
 */
#ifndef MIME_MESSAGE_H
#define MIME_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decoded bytes in the output file. `size` may be 0 for an empty part. */
struct mime_content {
	bool present;
	uint64_t offset;
	uint64_t size;
};

struct mime_attachment {
	char *file_name;     /* safe last component, never empty, never cut inside a character */
	char *declared_name; /* as the mail has it, decoded; NULL where it has none */
	char *content_type;  /* "type/subtype" in lower case; "application/octet-stream" if
				unreadable */
	char *disposition;   /* "attachment", "inline", …, lower case; NULL where there is none */
	char *content_id;    /* without the angle brackets; NULL where there is none */
	struct mime_content content;
};

/*
 * One event, task or busy time that a calendar in the mail announces; a text is NULL where it does
 * not say. Times are RFC 3339 in UTC ("2026-01-31T12:00:00Z"), days ("2026-01-31"), or, in a zone
 * that nobody knows, local times ("2026-01-31T12:00:00").
 */
struct mime_calendar {
	char *method; /* "REQUEST", "CANCEL", "REPLY", … */
	char *uid;
	char *starts_at;
	char *ends_at;	 /* the first moment, or day, after it; when a task is due */
	char *organizer; /* "Name <address>" */
	char *attendees; /* the same, joined with "; " */
	char *summary;
	char *location;
};

/*
 * One recipient that a mail server could not deliver a message to, as its report says (a bounce); a
 * text is NULL where it does not say.
 */
struct mime_bounce {
	char *kind;		/* "hard", or "soft": it may go well later; never NULL */
	char *address;		/* that could not be delivered to */
	char *original_address; /* that the message was sent to, where the report names another */
	char *status;		/* "5.1.1" (RFC 3463) */
	char *diagnostic;	/* what the server said */
	char *original_id;	/* Message-ID of the message, with its angle brackets */
};

struct mime_message {
	/* Decoded; NULL where the mail has no such field. */
	char *subject;
	char *sender; /* first mailbox of From that has an address, else of Sender: "Name <addr>" */
	char *recipient; /* To, Cc, Bcc, Reply-To: mailboxes joined with "; " */
	char *cc;
	char *bcc;
	char *reply_to;
	char *message_id; /* with its angle brackets, as written */
	char *in_reply_to;
	char *thread_references;
	bool has_date_sent;
	int64_t date_sent; /* the first Date field that can be read without doubt */
	bool has_date_received;
	int64_t date_received; /* of the first Received field, which the last server has written */

	char *headers;	 /* all fields, decoded, in order: JSON [["Name","value"],…] */
	char *defects;	 /* JSON list of strings, "[]" when nothing was wrong */
	char *signature; /* "not verified": nobody has been asked whose it is; "broken": the content
			    is not what was signed; NULL: there is none */

	struct mime_content text_body; /* the texts, or the HTML turned to text */
	bool text_from_html;	       /* only the latter */
	struct mime_content html_body; /* as UTF-8, several parts as one document */
	/* What the text says beside the mail that it quotes (reply.h); "" where it quotes none, NULL
	 * where bodies were not looked at. */
	char *reply_plain;
	struct mime_attachment *attachments; /* in the order of the mail */
	size_t attachment_count;
	struct mime_calendar *calendars;
	size_t calendar_count;

	/* Who wrote it (auto_class.h): "human", "auto-generated", "auto-replied", "bounce", "list",
	 * "calendar"; NULL where bodies were not looked at. */
	char *auto_class;
	char *auto_reason; /* the field that decided: "Auto-Submitted: auto-replied"; NULL: none */
	struct mime_bounce *bounces; /* none but in a bounce */
	size_t bounce_count;
};

/*
 * How much of a message is looked at where nobody says otherwise. The only place that knows these
 * numbers: mime_options_default() has them, and the loader's help prints them.
 */
#define MIME_MAX_HEADER_KB 256	/* KiB of a header block */
#define MIME_MAX_HEADERS   2000 /* fields of the message */
#define MIME_MAX_PARTS	   1000
#define MIME_MAX_DEPTH	   50	/* of parts in parts */
#define MIME_MAX_BOUNDARY  2048 /* bytes of a boundary */

struct mime_options {
	bool attach_html;      /* add the HTML body as a last attachment "original.html" */
	bool unpack_forwarded; /* the files in a forwarded message are attachments, too */
	bool header_only;      /* the input ends with the header block: no bodies, no attachments */
	uint32_t max_header_size; /* bytes of a header block */
	uint32_t max_headers;	  /* fields of the message */
	uint32_t max_parts;
	uint32_t max_depth;    /* nesting */
	uint32_t max_boundary; /* bytes of a boundary */
};

/* The limits above; all booleans false. */
struct mime_options mime_options_default(void);

/* The texts of a calendar in their order; NULL behind the last. */
char **mime_calendar_text_at(struct mime_calendar *calendar, size_t index);
void mime_calendar_clear(struct mime_calendar *calendar);

/* The same for a bounce. */
char **mime_bounce_text_at(struct mime_bounce *bounce, size_t index);
void mime_bounce_clear(struct mime_bounce *bounce);

/* Releases the message with all it owns; takes NULL. */
void mime_message_free(struct mime_message *message);

#endif
