/*
 * body.h - which parts of a message are its text and its HTML; all others are attachments.
 *
 * Rules:     a text part whose disposition is "attachment" is never a body. multipart/alternative:
 * the last of each kind. multipart/related: its root. multipart/signed: what is signed. Any other
 * multipart: the first part that has a body; a part with a file name comes into question only where
 *            it stands alone. Nothing of an encrypted message.
 */
#ifndef MIME_BODY_H
#define MIME_BODY_H

#include "mime/part.h"

struct body {
	const struct part *text;
	const struct part *html;
};

struct body body_choose(const struct part *root);

#endif
