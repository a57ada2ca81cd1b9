/*
 * part_text.h - has a part anything to read? Asked before it is decided what it is good for.
 */
#ifndef MIME_PART_TEXT_H
#define MIME_PART_TEXT_H

#include "mime/part.h"

/* Anything but blanks, once decoded, HTML as text; only the first PART_TEXT_BYTES are looked at,
 * and a longer part has some. The answer is kept in the part. */
enum { PART_TEXT_BYTES = 65536 };
bool part_has_text(struct part *part);

/* HTML that has text or a picture. */
bool part_shows(struct part *part);

#endif
