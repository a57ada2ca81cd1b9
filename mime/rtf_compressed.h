/*
 * rtf_compressed.h - the compression that Outlook stores RTF in (MS-OXRTFCP).
 *
 * Memory: a dictionary of 4 kB, whatever the size.
 * Caps:   RTF_COMPRESSED_MAX bytes come out; the rest is left.
 */
#ifndef MIME_RTF_COMPRESSED_H
#define MIME_RTF_COMPRESSED_H

#include "mime/input.h"

enum { RTF_COMPRESSED_MAX = 32 * 1024 * 1024 };

/* Passes what [begin, end) holds on to the sink. False when it is damaged, or longer than the cap:
 * what came before has then been passed on. */
bool rtf_compressed_read(struct input *input, uint64_t begin, uint64_t end, struct sink *sink);

#endif
