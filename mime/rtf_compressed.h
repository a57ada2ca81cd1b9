/*
 * rtf_compressed.h - the compression that Outlook stores RTF in (MS-OXRTFCP).
 *
 * Memory: a dictionary of 4 kB, whatever the size.
 * Caps:   as many bytes come out as the caller has left; the rest is passed over.
 */
#ifndef MIME_RTF_COMPRESSED_H
#define MIME_RTF_COMPRESSED_H

#include "mime/input.h"

/*
 * Passes what [begin, end) holds on to the sink, at most *bytes_left, which it counts down. False
 * when it is damaged, or longer than that: what came before has then been passed on.
 */
bool rtf_compressed_read(struct input *input, uint64_t begin, uint64_t end, struct sink *sink,
			 uint64_t *bytes_left);

#endif
