/*
 * attachment.h - the parts of a message that are not its bodies, decoded into the output.
 */
#ifndef MIME_ATTACHMENT_H
#define MIME_ATTACHMENT_H

#include "mime/output.h"
#include "mime/part.h"

/* Attachments under way; `list` holds struct mime_attachment. */
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
