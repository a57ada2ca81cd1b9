/*
 * reply.h - the part of an answer that its writer wrote: what stands above the quoted mail, and
 * between and below its lines.
 *
 * Pure. Looks for what mail programs put between the two: an attribution line ("On … wrote:", "Am …
 * schrieb …:", "Le … a écrit :", "El … escribió:" and others), Outlook's block of header lines or
 * "-----Original Message-----" in its languages, lines that begin with '>', and lines that ask to
 * reply above them.
 */
#ifndef MIME_REPLY_H
#define MIME_REPLY_H

#include <stddef.h>

/* The text above the quote, without empty lines around it. Where the quoted lines begin with '>'
 * and answers stand between or below them, all but the quoted lines; a signature alone is no
 * answer. "" where there is no quote, nothing beside it, or where the mail is a forwarded one.
 * `text` is UTF-8 with "\n" line ends. The caller frees with g_free(). */
char *reply_plain(const char *text, size_t length);

#endif
