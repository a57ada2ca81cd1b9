#include "queue/entry_source.h"

#include "queue/entry_place.h"

#include <string.h>

/* A blob is opened anew, and its pages walked from the first, for each piece: large pieces. */
#define READ_AHEAD ((size_t)1024 * 1024)

struct entry_source {
	struct store *store;
	struct entry_place place;
	uint64_t done;	       /* handed out */
	size_t ahead;	       /* bytes in `buffer`, up to those handed out and beyond */
	uint64_t ahead_from;   /* where they begin */
	unsigned char *buffer; /* NULL where the place has the text itself */
};

int entry_source_open(struct store *store, int64_t entry_id, enum entry_part part,
		      uint32_t position, struct entry_source **ret_source, struct error *err)
{
	struct entry_place place = {0};
	if (entry_place_find(store, entry_id, part, position, &place, err) != 0)
		return -1;
	if (!place.present)
		return entry_place_missing(store, entry_id, part, position, err);
	struct entry_source *source = g_new0(struct entry_source, 1);
	source->store = store;
	source->place = place;
	if (place.text == NULL)
		source->buffer = g_malloc(MIN(place.size_bytes + 1, READ_AHEAD));
	*ret_source = source;
	return 0;
}

uint64_t entry_source_size(const struct entry_source *source)
{
	return source->place.size_bytes;
}

static int fill(struct entry_source *source, struct error *err)
{
	const size_t size = (size_t)MIN(source->place.size_bytes - source->done, READ_AHEAD);
	if (engine_blob_read(source->store->engine, "content", "data", source->place.content_id,
			     source->done, source->buffer, size, err) != 0)
		return -1;
	source->ahead_from = source->done;
	source->ahead = size;
	return 0;
}

int entry_source_read(struct entry_source *source, void *bytes, size_t room, size_t *ret_size,
		      struct error *err)
{
	size_t size = (size_t)MIN(source->place.size_bytes - source->done, room);
	if (source->buffer == NULL) {
		if (size > 0)
			memcpy(bytes, source->place.text + source->done, size);
	} else if (size > 0) {
		if (source->done == source->ahead_from + source->ahead && fill(source, err) != 0)
			return -1;
		const size_t at = (size_t)(source->done - source->ahead_from);
		size = MIN(size, source->ahead - at);
		memcpy(bytes, source->buffer + at, size);
	}
	source->done += size;
	*ret_size = size;
	return 0;
}

void entry_source_close(struct entry_source *source)
{
	if (source == NULL)
		return;
	entry_place_clear(&source->place);
	g_free(source->buffer);
	g_free(source);
}
