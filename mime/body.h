/*
 * body.h - which parts of a message are its text and its HTML, and both written to the output; all
 * other parts are attachments, and written as such.
 *
 * Rules: (after RFC 8621, 4.1.4)
 *
 * A part whose disposition is "attachment" is never a body, and one with a file name only where it
 * stands alone, or is the only text of the message.
 *
 * multipart/alternative: of each kind the last one that has text, where a part that stands behind
 * a file ("-- list footer") is no alternative to one that begins its branch, nor a plain text
 * behind the HTML to one before it.
 *
 * multipart/related: its root by `start`, else by `type`, else the first part that has a body.
 *
 * HTML that is spare (part.h): where there is no other.
 *
 * multipart/signed: what is signed. Nothing of multipart/encrypted.
 *
 * Any other multipart: all its bodies, in order.
 */
#ifndef MIME_BODY_H
#define MIME_BODY_H

#include "mime/output.h"
#include "mime/part.h"

struct body {
	GPtrArray
	    *text; /* of struct part: what the text is made of, HTML where there is no other */
	GPtrArray *html; /* of struct part: what the HTML is made of */
};

/* Chooses, and marks what it has chosen (part.is_body). */
struct body body_choose(struct part *root, struct defects *defects);
void body_clear(struct body *body);

/*
 * Writes what was chosen as one text and one HTML document. Parts that are blank are passed over
 * where others are not; texts follow each other from a new line on, HTML documents become one.
 */
void body_store(const struct body *body, struct mime_output *output, struct defects *defects,
		struct mime_message *message);

/* --- attachments ------------------------------------------------------------ */
/* The parts that are not bodies, decoded into the output; `list` holds struct mime_attachment. */
struct attachments {
	struct input *input;
	struct mime_output *output;
	struct defects *defects;
	const char *hint;	      /* charset to expect of raw 8-bit file names; may be NULL */
	const struct part *encrypted; /* this part's name is wanted; may be NULL */
	char *encrypted_name;	      /* the caller frees it */
	GArray *list;
	unsigned unnamed; /* names given so far */
	char *path;	  /* of the message whose parts are added; NULL: the message itself */
};

/*
 * Adds all leaf parts from `root` on but those of the bodies, in order. What lies in a forwarded
 * message is named by its path: "forwarded.eml/report.pdf" as it is declared, and with "_" between
 * them as the name of a file.
 */
void attachments_add(struct attachments *attachments, const struct part *root);

/* Adds a content that is in the output already. */
void attachments_add_content(struct attachments *attachments, const char *file_name,
			     const char *content_type, const struct mime_content *content);

/* Adds the whole message as "original.eml". */
void attachments_add_message(struct attachments *attachments);

#endif
