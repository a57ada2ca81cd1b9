/*
 * text_files.h - files that a text part holds between its lines, uuencoded.
 */
#ifndef MIME_TEXT_FILES_H
#define MIME_TEXT_FILES_H

#include "mime/part.h"

/* At most so many are taken out of one text. */
enum { TEXT_FILES_MAX = 100 };

/* A text part that holds files becomes a multipart/mixed of texts and files; others stay. */
void text_files_take_out(struct part *part, struct defects *defects);

#endif
