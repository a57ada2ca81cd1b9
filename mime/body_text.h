/*
 * body_text.h - the bodies of a message as one text and one HTML document in the output.
 */
#ifndef MIME_BODY_TEXT_H
#define MIME_BODY_TEXT_H

#include "mime/body.h"

/*
 * Writes what was chosen. Parts that are blank are passed over where others are not; texts follow
 * each other from a new line on, HTML documents become one.
 */
void body_store(const struct body *body, struct mime_output *output, struct defects *defects,
		struct mime_message *message);

#endif
